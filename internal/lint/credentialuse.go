package lint

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/model"
)

// authoritySuffix ends the name of a Secret that holds authorities alone. Istio appends it to the name of a credential to look for
// the authorities, and falls back to the credential itself.
// Source: istio pilot/pkg/credentials/kube/secrets.go, GetCaCert.
const authoritySuffix = "-cacert"

// wanted is a credential that an object has proxies of a namespace ask for.
type wanted struct {
	kind   string
	object metav1.Object
	// field is where the object names the credential.
	field     string
	reference reference
	// proxies is the namespace of the proxies that ask.
	proxies string
	// authority says that authorities are asked for, and not a certificate with its key. It is derived if no field names it: it is
	// looked for beside the certificate.
	authority, derived bool
	// first says that it is the first certificate that the server names.
	first bool
	// server is the one that names it, and hosts those that are called with it otherwise.
	server *networkingapi.Server
	host   string
}

// reference is what the name of a credential says.
type reference struct {
	// kind is KindSecret or KindConfigMap; empty: something that no object of the cluster holds, or that is not known here.
	kind string
	// namespace is empty where the name does not say it.
	namespace, name string
}

// parseReference reads the name of a credential as Istio does. What the proxy has itself (builtin://), what comes from elsewhere
// (sds://) and what Istio makes of the Gateway API's Gateways (kubernetes-gateway://, invalid://) is not looked into.
// Source: istio pilot/pkg/model/credentials/resource.go, ToResourceName and ParseResourceName.
func parseReference(name string) reference {
	scheme, rest, qualified := strings.Cut(name, "://")
	switch {
	case !qualified:
		scheme, rest = "kubernetes", name
	case scheme != "kubernetes" && scheme != "configmap":
		return reference{}
	}
	parts := strings.Split(rest, "/")
	r := reference{kind: model.KindSecret, name: parts[0]}
	if len(parts) > 1 {
		r.namespace, r.name = parts[0], parts[1]
	}
	if scheme == "configmap" {
		r.kind = model.KindConfigMap
		if r.namespace == "" {
			return reference{}
		}
	}
	return r
}

// serverCredentials are those that the servers of Gateways name, as far as their mode uses any.
// Source: istio pilot/pkg/security/model/authentication.go, ApplyCredentialSDSToServerCommonTLSContext.
func (v *view) serverCredentials() []wanted {
	var all []wanted
	for _, gateway := range v.Gateways {
		var inNamespaces []string
		for i, server := range gateway.Spec.Servers {
			named := namedBy(gateway, i)
			if len(named) == 0 {
				continue
			}
			if inNamespaces == nil {
				inNamespaces = proxyNamespaces(v.gatewayPods(gateway.Spec.Selector))
			}
			for _, namespace := range inNamespaces {
				for _, w := range named {
					w.kind, w.object, w.proxies, w.server = model.KindGateway, gateway, namespace, server
					all = append(all, w)
				}
			}
		}
	}
	return all
}

// namedBy are the credentials that a server names.
func namedBy(gateway *istionetworkingv1.Gateway, server int) []wanted {
	tls := gateway.Spec.Servers[server].GetTls()
	path := fmt.Sprintf("spec.servers[%d].tls.", server)
	var named []wanted
	switch {
	case !endsTLS(tls):
	case len(tls.CredentialNames) > 0:
		for i, name := range tls.CredentialNames {
			named = append(named, wanted{field: fmt.Sprintf("%scredentialNames[%d]", path, i), reference: parseReference(name), first: i == 0})
		}
	case tls.CredentialName != "":
		named = append(named, wanted{field: path + "credentialName", reference: parseReference(tls.CredentialName), first: true})
	}
	if len(named) == 0 || tls.Mode == networkingapi.ServerTLSSettings_SIMPLE {
		return named
	}
	// Of several certificates only the first is asked for an authority.
	authority := wanted{field: named[0].field, reference: named[0].reference, authority: true, derived: true}
	if tls.CaCertCredentialName != "" {
		authority = wanted{field: path + "caCertCredentialName", reference: parseReference(tls.CaCertCredentialName), authority: true}
	}
	return append(named, authority)
}

// endsTLS says whether the mode is one in which the gateway shows a certificate of its own choice.
func endsTLS(tls *networkingapi.ServerTLSSettings) bool {
	switch tls.GetMode() {
	case networkingapi.ServerTLSSettings_SIMPLE, networkingapi.ServerTLSSettings_MUTUAL, networkingapi.ServerTLSSettings_OPTIONAL_MUTUAL:
		return true
	default:
		return false
	}
}

// clientCredentials are those that DestinationRules have clients ask for.
// Source: istio pilot/pkg/security/model/authentication.go, ApplyCustomSDSToClientCommonTLSContext.
func (v *view) clientCredentials() []wanted {
	var all []wanted
	for _, rule := range v.DestinationRules {
		for tls, field := range tlsOf(&rule.Spec) {
			if tls.CredentialName == "" {
				continue
			}
			r := parseReference(tls.CredentialName)
			for _, namespace := range v.askedBy(rule, r) {
				w := wanted{
					kind: model.KindDestinationRule, object: rule, field: field + ".credentialName", reference: r,
					proxies: namespace, host: rule.Spec.Host,
				}
				all = append(all, forMode(tls, w)...)
			}
		}
	}
	return all
}

// forMode is what the mode needs of the credential.
func forMode(tls *networkingapi.ClientTLSSettings, w wanted) []wanted {
	var all []wanted
	mutual := tls.Mode == networkingapi.ClientTLSSettings_MUTUAL
	if mutual {
		all = append(all, w)
	}
	if (mutual || tls.Mode == networkingapi.ClientTLSSettings_SIMPLE) && !tls.GetInsecureSkipVerify().GetValue() {
		w.authority, w.derived = true, mutual
		all = append(all, w)
	}
	return all
}

// askedBy are the namespaces of the clients that the rule governs and that ask for a credential: gateways, the workloads that the
// rule selects, and for a ConfigMap everybody. Any other sidecar does without TLS.
// Source: istio pilot/pkg/networking/core/cluster_tls.go, buildUpstreamClusterTLSContext.
func (v *view) askedBy(rule *istionetworkingv1.DestinationRule, r reference) []string {
	anybody := rule.Spec.GetWorkloadSelector() != nil || r.kind == model.KindConfigMap
	var asking []model.Workload
	for _, w := range v.callers(rule) {
		if (anybody || w.Gateway) && v.isGoverned(rule, w) {
			asking = append(asking, w)
		}
	}
	return proxyNamespaces(asking)
}

// isGoverned says whether the rule decides on traffic of the client to any of its hosts. Of a partial inventory a host may be missing;
// then the rule is taken to govern its own namespace, where Istio looks first.
func (v *view) isGoverned(rule *istionetworkingv1.DestinationRule, client model.Workload) bool {
	host := hosts.Qualify(rule.Spec.Host, rule.Namespace)
	called := v.called(host)
	if len(called) == 0 && v.Partial && client.Namespace == rule.Namespace {
		return slices.Contains(v.istio.Rule(istio.ClientOf(client), model.Host{Name: host}).Rules, rule)
	}
	return slices.ContainsFunc(called, func(d *destinations.Destination) bool {
		return slices.Contains(v.istio.Rule(istio.ClientOf(client), d.Host).Rules, rule)
	})
}

// proxyNamespaces are where those of the workloads live that are proxies or have one.
func proxyNamespaces(workloads []model.Workload) []string {
	namespaces := sets.New[string]()
	for _, w := range workloads {
		if !readsNoRule(w) {
			namespaces.Insert(w.Namespace)
		}
	}
	return sets.List(namespaces)
}

// credentials are those that are known, and those that servers and clients want.
type credentials struct {
	known     map[model.ObjectRef]*model.Credential
	ofServers []wanted
	ofClients []wanted
}

func (v *view) indexCredentials() credentials {
	known := make(map[model.ObjectRef]*model.Credential, len(v.Credentials))
	for i := range v.Credentials {
		c := &v.Credentials[i]
		known[model.ObjectRef{Kind: c.Kind, Namespace: c.Namespace, Name: c.Name}] = c
	}
	return credentials{known: known, ofServers: v.serverCredentials(), ofClients: v.clientCredentials()}
}

// given is what Istio answers a proxy that asks, nil for nothing, and whether that is known.
func (v *view) given(w wanted) (found *model.Credential, known bool) {
	itself := strings.TrimSuffix(w.reference.name, authoritySuffix)
	if w.reference.kind == "" || w.foreign() || !v.CredentialNamespaces.Has(w.place()) ||
		v.CredentialNames != nil && !v.CredentialNames.Has(itself) {
		return nil, false
	}
	names := []string{w.reference.name}
	if w.authority {
		if names = []string{itself}; w.reference.kind == model.KindSecret {
			names = []string{itself + authoritySuffix, itself}
		}
	}
	for _, name := range names {
		if c := v.credentials().known[model.ObjectRef{Kind: w.reference.kind, Namespace: w.place(), Name: name}]; c != nil {
			return c, true
		}
	}
	return nil, true
}

// foreign says whether a Secret of another namespace than the proxies' is named.
func (w wanted) foreign() bool {
	return w.reference.kind == model.KindSecret && w.reference.namespace != "" && w.reference.namespace != w.proxies
}

// place is the namespace where Istio looks.
func (w wanted) place() string { return cmp.Or(w.reference.namespace, w.proxies) }

// at is namespace/name.
func (w wanted) at() string { return w.place() + "/" + w.reference.name }

func (w wanted) finding(severity meshtlsv1alpha1.Severity) model.Finding {
	return about(severity, w.kind, w.object, w.field)
}

// proxiesAre says whose namespace it is about.
func (w wanted) proxiesAre() string {
	if w.server != nil {
		return "the gateway's pods"
	}
	return "the clients"
}

// fails says what follows where proxies are not given what they ask for.
func (w wanted) fails() string {
	if w.server != nil {
		return "no connection to the server succeeds"
	}
	return "no connection to " + w.host + " succeeds"
}
