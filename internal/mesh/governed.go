package mesh

import (
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
)

// GovernedCalls returns calls of the destination that the DestinationRule governs: of each port, by one sidecar, which stands for all,
// and by one gateway; of the host itself and of each subset that routes send to.
func GovernedCalls(v *View, rule *istionetworkingv1.DestinationRule, d *destinations.Destination) []Call {
	var calls []Call
	for _, gateway := range []bool{false, true} {
		subsets := v.SubsetsCalled(d.Name, gateway)
		if len(subsets) == 0 {
			continue
		}
		client, governs := v.GovernedCaller(rule, d, gateway)
		if !governs {
			continue
		}
		for _, subset := range subsets {
			for _, port := range d.Declared {
				calls = append(calls, Call{
					Client: client, Host: d.Name, Number: port.Number, Destination: d, Port: port, Subset: subset,
					Carries: istio.CarriesOf(port.Protocol),
				})
			}
		}
	}
	return calls
}
