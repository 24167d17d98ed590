package importer

import (
	"slices"

	"google.golang.org/protobuf/proto"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/verbatim"
)

// saysMore reports whether the rule says anything besides TLS.
func saysMore(rule mergedRule) bool {
	if len(rule.subsets) > 0 || verbatim.Has(&rule.first().Spec) {
		return true
	}
	rest := proto.CloneOf(rule.policy)
	rest.Tls, rest.PortLevelSettings = nil, nil
	return proto.Size(rest) > 0 || slices.ContainsFunc(rule.policy.GetPortLevelSettings(), portSaysMore)
}

func portSaysMore(p *networkingapi.TrafficPolicy_PortTrafficPolicy) bool {
	return p.GetLoadBalancer() != nil || p.GetConnectionPool() != nil || p.GetOutlierDetection() != nil || verbatim.Has(p)
}

// restOf returns what a rule says besides TLS, as a DestinationRule where the operator finds it and no client uses it: the operator writes
// no rule beside one of the same namespace for the same host and clients, and of the namespaces where Istio looks, the root namespace
// is the last. It says why there is no such place.
func (m *original) restOf(rule mergedRule, c clients) (*istionetworkingv1.DestinationRule, string) {
	first := rule.first()
	host := m.domain().Qualify(first.Spec.GetHost(), first.Namespace)
	const besides = "It says more than TLS, and a MeshTLSPolicy says TLS only. "
	switch {
	case first.Namespace == m.Mesh.RootNamespace:
		return nil, besides + "What is left could stand nowhere: in the root namespace it would keep the policy from being rendered, " +
			"and after the root namespace Istio looks nowhere."
	case c.selector != nil:
		return nil, besides + "What is left would reach more pods than those of its workloadSelector, wherever the operator could find it."
	case hosts.IsWildcard(host):
		return nil, besides + "What is left could not be joined with what is rendered: for a wildcard, that carries TLS alone."
	}
	rest := &istionetworkingv1.DestinationRule{ObjectMeta: metav1.ObjectMeta{
		Namespace: m.Mesh.RootNamespace, Name: m.freeRuleName(first.Namespace + "-" + first.Name), Labels: revisionOf(first),
		CreationTimestamp: istio.Unborn,
	}}
	verbatim.Copy(&first.Spec, &rest.Spec)
	rest.Spec.Host = host
	rest.Spec.TrafficPolicy = withoutTLS(rule.policy)
	rest.Spec.Subsets = rule.subsets
	switch {
	case c.send != meshtlsv1alpha1.ClientsAll:
		rest.Spec.ExportTo = []string{first.Namespace}
	case len(m.Mesh.DefaultDestinationRuleExportTo) > 0:
		rest.Spec.ExportTo = []string{"*"}
	}
	return rest, ""
}

// freeRuleName returns a name that no DestinationRule of the root namespace has.
func (m *original) freeRuleName(name string) string {
	taken := func(name string) bool {
		return slices.ContainsFunc(m.foreign.DestinationRules, func(rule *istionetworkingv1.DestinationRule) bool {
			return refOf(model.KindDestinationRule, rule) == model.ObjectRef{
				Kind: model.KindDestinationRule, Namespace: m.Mesh.RootNamespace, Name: name,
			}
		})
	}
	for taken(name) {
		name += "-rest"
	}
	return name
}

// withoutTLS returns the policy with TLS taken out; nil where nothing is left. An entry for a port that had nothing but TLS still keeps the
// destination's settings from that port; Istio wants something in it.
// Source: istio pkg/config/validation/validation.go, validatePortTrafficPolicies.
func withoutTLS(policy *networkingapi.TrafficPolicy) *networkingapi.TrafficPolicy {
	rest := proto.CloneOf(policy)
	rest.Tls = nil
	entries := rest.PortLevelSettings
	rest.PortLevelSettings = nil
	replaced := proto.Size(rest) > 0
	for _, entry := range entries {
		entry.Tls = nil
		switch {
		case portSaysMore(entry):
			rest.PortLevelSettings = append(rest.PortLevelSettings, entry)
		case replaced:
			entry.LoadBalancer = &networkingapi.LoadBalancerSettings{
				LbPolicy: &networkingapi.LoadBalancerSettings_Simple{Simple: networkingapi.LoadBalancerSettings_UNSPECIFIED},
			}
			rest.PortLevelSettings = append(rest.PortLevelSettings, entry)
		}
	}
	if proto.Size(rest) == 0 {
		return nil
	}
	return rest
}
