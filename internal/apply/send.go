package apply

import (
	"strings"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
)

const (
	// hostLimit is longer than any host.
	hostLimit = 254
	// audiences are the clients that a rule of a host may be for: those of a workload, of the namespace, all.
	audiences = 3
	breadest  = hostLimit*audiences + audiences
)

// sendTurn is when a change of a DestinationRule is due. What covers less is written first, and shields its clients and hosts from what
// covers more; it goes last, since its clients keep to it until then.
func sendTurn(c *change) turn {
	switch {
	case c.want != nil:
		return turn{phaseSend, breadth(sendSpec(c.want))}
	case sendsPlaintext(sendSpec(c.live)):
		return turn{phasePruneSend, breadest - breadth(sendSpec(c.live))}
	default:
		return turn{phasePrune, rankPruneSend + breadest - breadth(sendSpec(c.live))}
	}
}

// breadth orders rules as Istio looks for them: by the host, an exact one before wildcards and the longer wildcard before the shorter,
// then those for a workload before those for the namespace, and these before exported ones.
// Source: istio pilot/pkg/model/push_context.go, destinationRule; pilot/pkg/model/config.go, MostSpecificHostMatch.
func breadth(rule *networkingapi.DestinationRule) int {
	host := 0
	if strings.HasPrefix(rule.GetHost(), "*") {
		host = max(hostLimit-len(rule.GetHost()), 1)
	}
	return host*audiences + audienceOf(rule)
}

func audienceOf(rule *networkingapi.DestinationRule) int {
	switch exported := rule.GetExportTo(); {
	case rule.GetWorkloadSelector() != nil:
		return 0
	case len(exported) == 1 && exported[0] == ".":
		return 1
	default:
		return 2
	}
}

// sendsPlaintext reports whether the rule has clients send plaintext anywhere.
func sendsPlaintext(rule *networkingapi.DestinationRule) bool {
	policies := []*networkingapi.TrafficPolicy{rule.GetTrafficPolicy()}
	for _, subset := range rule.GetSubsets() {
		policies = append(policies, subset.GetTrafficPolicy())
	}
	for _, policy := range policies {
		if plaintextTLS(policy.GetTls()) {
			return true
		}
		for _, port := range policy.GetPortLevelSettings() {
			if plaintextTLS(port.GetTls()) {
				return true
			}
		}
	}
	return false
}

func plaintextTLS(tls *networkingapi.ClientTLSSettings) bool {
	return tls != nil && tls.GetMode() == networkingapi.ClientTLSSettings_DISABLE
}

func sendSpec(obj object) *networkingapi.DestinationRule {
	if rule, ok := obj.(*istionetworkingv1.DestinationRule); ok {
		return &rule.Spec
	}
	return nil
}
