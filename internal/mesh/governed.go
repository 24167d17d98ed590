package mesh

import (
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/model"
)

// GovernedCalls returns calls of the destination that the DestinationRule governs: those of one sidecar, which stands for all, of the
// host itself and of each subset that routes send to, at each port; and those that the routes of gateways make.
func GovernedCalls(v *View, rule *istionetworkingv1.DestinationRule, d *destinations.Destination) []Call {
	var calls []Call
	if subsets := v.SubsetsCalled(d.Name, false); len(subsets) > 0 {
		if client, governs := v.GovernedCaller(rule, d, false); governs {
			calls = callsOfPorts(client, d, subsets)
		}
	}
	return append(calls, governedByRule(v, rule, d)...)
}

func callsOfPorts(client *model.Workload, d *destinations.Destination, subsets []string) []Call {
	var calls []Call
	for _, subset := range subsets {
		for _, port := range d.Declared {
			calls = append(calls, subsetCall(client, d, port, subset))
		}
	}
	return calls
}
