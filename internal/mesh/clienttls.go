package mesh

import (
	"fmt"
	"iter"
	"slices"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/hosts"
)

// Domain returns the cluster's: what the names of its Services end in. It is no part of Istio's mesh config, and not noted as read.
func (v *contents) Domain() hosts.Domain { return hosts.Domain(v.inventory.Mesh.ClusterDomain) }

// HostOf returns the host of a DestinationRule as Istio reads it.
func (v *contents) HostOf(rule *istionetworkingv1.DestinationRule) string {
	return istio.HostOfRule(v.Domain(), rule)
}

// TLSOf returns the TLS settings of a DestinationRule at all its levels, each with its path.
func TLSOf(rule *networkingapi.DestinationRule) iter.Seq2[*networkingapi.ClientTLSSettings, string] {
	return func(yield func(*networkingapi.ClientTLSSettings, string) bool) {
		if !tlsOfPolicy(rule.TrafficPolicy, "spec.trafficPolicy", yield) {
			return
		}
		for i, subset := range rule.Subsets {
			if !tlsOfPolicy(subset.TrafficPolicy, fmt.Sprintf("spec.subsets[%d].trafficPolicy", i), yield) {
				return
			}
		}
	}
}

func tlsOfPolicy(policy *networkingapi.TrafficPolicy, path string, yield func(*networkingapi.ClientTLSSettings, string) bool) bool {
	if policy.GetTls() != nil && !yield(policy.Tls, path+".tls") {
		return false
	}
	for i, port := range policy.GetPortLevelSettings() {
		if port.Tls != nil && !yield(port.Tls, fmt.Sprintf("%s.portLevelSettings[%d].tls", path, i)) {
			return false
		}
	}
	return true
}

// SaysTLS reports whether the traffic policy has TLS settings, for all ports or for one.
func SaysTLS(policy *networkingapi.TrafficPolicy) bool {
	ownTLS := func(port *networkingapi.TrafficPolicy_PortTrafficPolicy) bool { return port.GetTls() != nil }
	return policy.GetTls() != nil || slices.ContainsFunc(policy.GetPortLevelSettings(), ownTLS)
}
