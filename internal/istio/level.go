package istio

import (
	"fmt"

	networkingapi "istio.io/api/networking/v1alpha3"

	"github.com/meshtls/meshtls/internal/versions"
)

// tlsLevel is the level of a DestinationRule that decides TLS for a port.
type tlsLevel struct {
	// tls is nil where the level leaves it to Istio.
	tls    *networkingapi.ClientTLSSettings
	origin Origin
}

// tlsLevelOf finds it. A port's settings replace the destination's as a whole: without tls of its own, the port has none. A subset
// overrides what it sets, and with settings for the port it replaces everything.
// Source: istio pilot/pkg/networking/util/util.go, GetPortLevelTrafficPolicy and MergeSubsetTrafficPolicy;
// pilot/pkg/model/destination_rule.go, MergeTrafficPolicy.
func tlsLevelOf(choice Choice, subset ChosenSubset, port int32) tlsLevel {
	level := tlsLevel{}
	if choice.Policy != nil {
		level = policyLevel(choice.trafficPolicy(), port, Origin{Object: ruleRef(choice.Policy), Field: "spec.trafficPolicy"})
	} else if len(choice.Rules) > 0 {
		level.origin = Origin{Object: ruleRef(choice.Rules[0])}
	}
	if subset.Rule == nil || subset.policy() == nil {
		return level
	}
	field := fmt.Sprintf("spec.subsets[%d].trafficPolicy", subset.Index)
	own := policyLevel(subset.policy(), port, Origin{Object: ruleRef(subset.Rule), Field: field})
	if own.tls == nil && portEntry(subset.policy(), port) < 0 {
		return level
	}
	return own
}

func policyLevel(policy *networkingapi.TrafficPolicy, port int32, origin Origin) tlsLevel {
	tls := policy.GetTls()
	if entry := portEntry(policy, port); entry >= 0 {
		tls = policy.PortLevelSettings[entry].Tls
		origin.Field += fmt.Sprintf(".portLevelSettings[%d]", entry)
	}
	if tls != nil {
		origin.Field += ".tls"
	}
	return tlsLevel{tls: tls, origin: origin}
}

// portEntry returns the index of the first settings for the port; -1 without any.
func portEntry(policy *networkingapi.TrafficPolicy, port int32) int {
	for i, entry := range policy.GetPortLevelSettings() {
		if entry.GetPort() != nil && entry.GetPort().GetNumber() == uint32(port) {
			return i
		}
	}
	return -1
}

// endpointMode returns the TLS mode that Istio looks at when it tells the endpoints of a cluster apart. It is found in another way than
// the cluster's own: a port's settings without tls do not hide the destination's. So a port can be left to auto mTLS while each of
// its endpoints is marked by the mode of the destination. Nil: no mode, the endpoint decides.
// Source: istio pilot/pkg/xds/endpoints/mtls_checker.go, tlsModeForDestinationRule.
func (m *Model) endpointMode(choice Choice, subset ChosenSubset, port int32) *networkingapi.ClientTLSSettings {
	if subset.Rule != nil {
		tls := fallbackTLS(subset.policy(), port)
		if tls != nil || !versions.SubsetFallsBack.HoldsIn(m.mesh.Version) {
			return tls
		}
	}
	return fallbackTLS(choice.trafficPolicy(), port)
}

func fallbackTLS(policy *networkingapi.TrafficPolicy, port int32) *networkingapi.ClientTLSSettings {
	for _, entry := range policy.GetPortLevelSettings() {
		if entry.GetPort().GetNumber() == uint32(port) && entry.GetTls() != nil {
			return entry.Tls
		}
	}
	return policy.GetTls()
}
