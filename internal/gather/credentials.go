package gather

import (
	"cmp"
	"context"
	"crypto/x509"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/internal/model"
)

// The keys under which Istio looks for a certificate, its key, and the certificates of authorities: those of an opaque Secret
// first, then those of a Secret of type kubernetes.io/tls.
// Source: istio pilot/pkg/credentials/kube/secrets.go, ExtractCertInfo and ExtractRoot.
var (
	pairKeys      = [][2]string{{"cert", "key"}, {corev1.TLSCertKey, corev1.TLSPrivateKeyKey}}
	authorityKeys = []string{"cacert", "ca.crt"}
)

// secretTypeHelm is the type of the Secrets in which Helm keeps its releases.
const secretTypeHelm corev1.SecretType = "helm.sh/release.v1"

// hiddenTypes are the types of Secrets that Istio does not see.
// Source: istio pilot/pkg/credentials/kube/secrets.go, SecretsFieldSelector.
var hiddenTypes = []corev1.SecretType{secretTypeHelm, corev1.SecretTypeServiceAccountToken}

// CredentialSelector leaves out the Secrets that Istio does not see.
func CredentialSelector() fields.Selector {
	shown := make([]fields.Selector, 0, len(hiddenTypes))
	for _, hidden := range hiddenTypes {
		shown = append(shown, fields.OneTermNotEqualSelector("type", string(hidden)))
	}
	return fields.AndSelectors(shown...)
}

// credentials returns the credentials of the namespaces that may be read: one that refuses is left out.
func (g *gathering) credentials(ctx context.Context) ([]model.Credential, sets.Set[string], error) {
	var all []model.Credential
	read := sets.New[string]()
	for _, namespace := range sets.List(g.options.CredentialNamespaces) {
		found, err := g.credentialsIn(ctx, namespace)
		switch {
		case apierrors.IsForbidden(err):
		case err != nil:
			return nil, nil, err
		default:
			read.Insert(namespace)
			all = append(all, found...)
		}
	}
	return all, read, nil
}

// credentialsIn are ordered by name and kind.
func (g *gathering) credentialsIn(ctx context.Context, namespace string) ([]model.Credential, error) {
	var secrets corev1.SecretList
	if err := g.list(ctx, Read{Kind: model.KindSecret, Namespace: namespace}, &secrets, client.InNamespace(namespace)); err != nil {
		return nil, err
	}
	var configMaps corev1.ConfigMapList
	if err := g.list(ctx, Read{Kind: model.KindConfigMap, Namespace: namespace}, &configMaps, client.InNamespace(namespace)); err != nil {
		return nil, err
	}
	var all []model.Credential
	for s := range secrets.Items {
		if secret := &secrets.Items[s]; !slices.Contains(hiddenTypes, secret.Type) {
			all = append(all, credentialOf(model.KindSecret, secret, secretValues(secret)))
		}
	}
	for c := range configMaps.Items {
		configMap := &configMaps.Items[c]
		values := configMapValues(configMap)
		if holdsAuthority(values) {
			all = append(all, credentialOf(model.KindConfigMap, configMap, values))
		}
	}
	slices.SortFunc(all, func(a, b model.Credential) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Kind, b.Kind))
	})
	return all, nil
}

// secretValues returns the Secret's. In manifests some may still be written as text, which the API server would put to the others.
func secretValues(secret *corev1.Secret) map[string][]byte {
	if len(secret.StringData) == 0 {
		return secret.Data
	}
	values := make(map[string][]byte, len(secret.Data)+len(secret.StringData))
	for key, value := range secret.Data {
		values[key] = value
	}
	for key, text := range secret.StringData {
		values[key] = []byte(text)
	}
	return values
}

func configMapValues(configMap *corev1.ConfigMap) map[string][]byte {
	values := make(map[string][]byte, len(authorityKeys))
	for _, key := range authorityKeys {
		if text, ok := configMap.Data[key]; ok {
			values[key] = []byte(text)
		}
	}
	return values
}

// holdsAuthority reports whether a ConfigMap is of interest: Istio takes nothing else of it, and most hold none.
func holdsAuthority(values map[string][]byte) bool {
	_, key := firstValue(values, authorityKeys)
	return key != ""
}

// credentialOf reads what Istio would take of the values. No key of theirs is kept.
func credentialOf(kind string, object metav1.Object, values map[string][]byte) model.Credential {
	c := model.Credential{
		Kind: kind, Namespace: object.GetNamespace(), Name: object.GetName(),
		Annotations: object.GetAnnotations(),
		Keys:        sets.New[string](), Empty: sets.New[string](),
	}
	for key, value := range values {
		if len(value) == 0 {
			c.Empty.Insert(key)
		} else {
			c.Keys.Insert(key)
		}
	}
	var chain, authorities []*x509.Certificate
	for _, keys := range pairKeys {
		if c.Keys.HasAll(keys[0], keys[1]) {
			c.Pair, chain = pairOf(keys, values)
			break
		}
	}
	if bundle, key := firstValue(values, authorityKeys); key != "" {
		c.CA, authorities = bundleOf(key, bundle)
		c.CA.Issuer = issuerOf(chain, authorities) != nil
	}
	if c.Pair != nil && c.Pair.Problem == "" && len(chain) > 0 {
		c.Pair.ChainProblem = chainProblem(chain, authorities)
	}
	return c
}

// firstValue returns the first of the keys' values that is not empty, with its key.
func firstValue(values map[string][]byte, keys []string) (value []byte, key string) {
	for _, key := range keys {
		if len(values[key]) > 0 {
			return values[key], key
		}
	}
	return nil, ""
}
