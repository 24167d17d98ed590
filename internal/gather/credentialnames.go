package gather

import (
	"context"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

const (
	// authoritySuffix ends the name of a Secret that holds authorities alone. Istio looks for it beside the credential of a name.
	authoritySuffix = "-cacert"
	// configMapScheme begins the name of a credential that is a ConfigMap.
	configMapScheme = "configmap://"
)

// readNamedCredentials reads what the policies name, in the namespaces where proxies may ask for it and whose credentials may be read.
func (g *gathering) readNamedCredentials(ctx context.Context, s *model.Snapshot) error {
	if g.options.Now.IsZero() || g.options.CredentialNamespaces.Len() == 0 {
		return nil
	}
	named := referencesOf(s.Policies)
	if len(named) == 0 {
		return nil
	}
	s.CredentialNamespaces, s.CredentialNames = g.placesOf(s, named), sets.New[string]()
	for _, r := range named {
		s.CredentialNames.Insert(r.name)
	}
	for _, namespace := range sets.List(s.CredentialNamespaces) {
		for _, name := range sets.List(s.CredentialNames) {
			found, err := g.credentialsNamed(ctx, namespace, name)
			if err != nil {
				return err
			}
			s.Credentials = append(s.Credentials, found...)
		}
	}
	return nil
}

// placesOf returns the namespaces to look into: of the clients and the gateway's pods, and those that a name names itself.
func (g *gathering) placesOf(s *model.Snapshot, named []credentialReference) sets.Set[string] {
	places := sets.New(g.namespace)
	for i := range s.Workloads {
		places.Insert(s.Workloads[i].Namespace)
	}
	for _, r := range named {
		places.Insert(r.namespace)
	}
	return places.Intersection(g.options.CredentialNamespaces)
}

// credentialsNamed returns all that a name stands for: the ConfigMap, the Secret, and the Secret of authorities beside it.
func (g *gathering) credentialsNamed(ctx context.Context, namespace, name string) ([]model.Credential, error) {
	var all []model.Credential
	var configMap corev1.ConfigMap
	there, err := g.get(ctx, model.KindConfigMap, client.ObjectKey{Namespace: namespace, Name: name}, &configMap)
	if err != nil {
		return nil, err
	}
	if values := configMapValues(&configMap); there && holdsAuthority(values) {
		all = append(all, credentialOf(model.KindConfigMap, &configMap, values))
	}
	for _, itself := range []string{name, name + authoritySuffix} {
		var secret corev1.Secret
		there, err := g.get(ctx, model.KindSecret, client.ObjectKey{Namespace: namespace, Name: itself}, &secret)
		if err != nil {
			return nil, err
		}
		if there && !slices.Contains(hiddenTypes, secret.Type) {
			all = append(all, credentialOf(model.KindSecret, &secret, secretValues(&secret)))
		}
	}
	return all, nil
}

// credentialReference is a credential as a policy names it: by a name without the ending of those that hold authorities alone, and
// for a ConfigMap by a namespace.
type credentialReference struct{ namespace, name string }

func referencesOf(policies []*meshtlsv1alpha1.MeshTLSPolicy) []credentialReference {
	var all []credentialReference
	for _, policy := range policies {
		for _, name := range writtenNames(policy) {
			var r credentialReference
			r.name = name
			if rest, configMap := strings.CutPrefix(name, configMapScheme); configMap {
				r.namespace, r.name, _ = strings.Cut(rest, "/")
			}
			r.name = strings.TrimSuffix(r.name, authoritySuffix)
			all = append(all, r)
		}
	}
	return all
}

// writtenNames returns the names of credentials in the policy's spec.
func writtenNames(policy *meshtlsv1alpha1.MeshTLSPolicy) []string {
	var all []string
	for i := range policy.Spec.Terminate {
		t := &policy.Spec.Terminate[i]
		all = append(append(all, t.CredentialName, t.CACertCredentialName), t.CredentialNames...)
	}
	for i := range policy.Spec.Send {
		send := &policy.Spec.Send[i]
		all = append(all, send.CredentialName)
		for p := range send.Ports {
			all = append(all, send.Ports[p].CredentialName)
		}
	}
	return slices.DeleteFunc(all, func(name string) bool { return name == "" })
}
