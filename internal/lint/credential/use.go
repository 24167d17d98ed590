package credential

import (
	"fmt"
	"slices"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/gatewayapi"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// The credentials that servers and clients want are collected once for each view, and told apart by type.
type (
	wantedByServers []wanted
	wantedByClients []wanted
)

// serverCredentials returns the credentials that servers of Gateways name, as far as their mode uses any.
// Source: istio pilot/pkg/security/model/authentication.go, ApplyCredentialSDSToServerCommonTLSContext.
func serverCredentials(v *mesh.View) wantedByServers {
	var all wantedByServers
	for _, gateway := range v.Gateways() {
		var inNamespaces []string
		for i, server := range gateway.Spec.Servers {
			named := namedBy(gateway, i)
			if len(named) == 0 {
				continue
			}
			if inNamespaces == nil {
				inNamespaces = proxyNamespaces(v.GatewayPods(gateway.Spec.Selector))
			}
			for _, namespace := range inNamespaces {
				for _, w := range named {
					w.kind, w.object, w.proxies, w.server = model.KindGateway, gateway, namespace, server
					all = append(all, w)
				}
			}
		}
	}
	return append(all, listenerCredentials(v)...)
}

// listenerCredentials returns the credentials that listeners of Kubernetes Gateways name, as far as they may use them. Each names the
// namespace in which Istio looks.
func listenerCredentials(v *mesh.View) []wanted {
	var all []wanted
	for _, l := range v.KubernetesListeners() {
		if l.Gateway == nil {
			continue
		}
		for _, w := range namedBy(l.Gateway, l.Index) {
			w.kind, w.object, w.proxies, w.server = model.KindGatewayAPIGateway, l.Of, l.Of.Namespace, l.Gateway.Spec.Servers[l.Index]
			w.reference.granted = true
			all = append(all, w)
		}
	}
	return all
}

// namedBy returns the credentials that a server names.
func namedBy(gateway *istionetworkingv1.Gateway, server int) []wanted {
	tls := gateway.Spec.Servers[server].GetTls()
	field := func(path string) string { return istio.ServerField(gateway, server, path) }
	parse := parseReference
	if _, made := gatewayapi.ListenerOf(gateway); made {
		parse = parseGranted
	}
	var named []wanted
	switch {
	case !endsTLS(tls):
	case len(tls.CredentialNames) > 0:
		for i, name := range tls.CredentialNames {
			named = append(named, wanted{field: field(fmt.Sprintf(".tls.credentialNames[%d]", i)), reference: parse(name), first: i == 0})
		}
	case tls.CredentialName != "":
		named = append(named, wanted{field: field(".tls.credentialName"), reference: parse(tls.CredentialName), first: true})
	}
	if len(named) == 0 || tls.Mode == networkingapi.ServerTLSSettings_SIMPLE {
		return named
	}
	// Of several certificates only the first is asked for an authority.
	authority := wanted{field: named[0].field, reference: named[0].reference, authority: true, derived: true}
	if tls.CaCertCredentialName != "" {
		authority = wanted{field: field(".tls.caCertCredentialName"), reference: parse(tls.CaCertCredentialName), authority: true}
	}
	return append(named, authority)
}

// endsTLS reports whether the mode is one in which the gateway shows a certificate of its own choice.
func endsTLS(tls *networkingapi.ServerTLSSettings) bool {
	switch tls.GetMode() {
	case networkingapi.ServerTLSSettings_SIMPLE, networkingapi.ServerTLSSettings_MUTUAL, networkingapi.ServerTLSSettings_OPTIONAL_MUTUAL:
		return true
	default:
		return false
	}
}

// clientCredentials returns the credentials that DestinationRules have clients ask for.
// Source: istio pilot/pkg/security/model/authentication.go, ApplyCustomSDSToClientCommonTLSContext.
func clientCredentials(v *mesh.View) wantedByClients {
	var all wantedByClients
	for _, rule := range v.DestinationRules() {
		for tls, field := range mesh.TLSOf(&rule.Spec) {
			if tls.CredentialName == "" {
				continue
			}
			r := parseReference(tls.CredentialName)
			for _, namespace := range askedBy(v, rule, r) {
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

// forMode returns what the mode needs of the credential.
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

// askedBy returns the namespaces of the clients that the rule governs and that ask for a credential: gateways, the workloads that the
// rule selects, and for a ConfigMap everybody. Any other sidecar does without TLS.
// Source: istio pilot/pkg/networking/core/cluster_tls.go, buildUpstreamClusterTLSContext.
func askedBy(v *mesh.View, rule *istionetworkingv1.DestinationRule, r reference) []string {
	anybody := rule.Spec.GetWorkloadSelector() != nil || r.kind == model.KindConfigMap
	var asking []*model.Workload
	for _, w := range v.Callers(rule) {
		if (anybody || w.Gateway) && isGoverned(v, rule, w) {
			asking = append(asking, w)
		}
	}
	return proxyNamespaces(asking)
}

// isGoverned reports whether the rule decides on traffic of the client to any of its hosts. Of a partial inventory a host may be missing;
// then the rule is taken to govern its own namespace, where Istio looks first.
func isGoverned(v *mesh.View, rule *istionetworkingv1.DestinationRule, client *model.Workload) bool {
	host := v.Domain().Qualify(rule.Spec.Host, rule.Namespace)
	called := v.Destinations().Under(host)
	if len(called) == 0 && v.Partial() && client.Namespace == rule.Namespace {
		return slices.Contains(v.Rule(istio.ClientOf(client), model.Host{Name: host}).Rules, rule)
	}
	return slices.ContainsFunc(called, func(d *destinations.Destination) bool {
		return slices.Contains(v.Rule(istio.ClientOf(client), d.Host).Rules, rule)
	})
}

// proxyNamespaces are where those of the workloads live that are proxies or have one.
func proxyNamespaces(workloads []*model.Workload) []string {
	namespaces := sets.New[string]()
	for _, w := range workloads {
		if mesh.ReadsRules(w) {
			namespaces.Insert(w.Namespace)
		}
	}
	return sets.List(namespaces)
}
