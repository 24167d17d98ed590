package lint

import (
	"iter"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/model"
)

// called are the destinations that a host of a DestinationRule, qualified, stands for.
func (v *view) called(host string) []*destinations.Destination { return v.destinations().Under(host) }

// backends are the pods behind the destination.
func (v *view) backends(d *destinations.Destination) []model.Workload { return d.Backends(v.podsIn()) }

// endpoints are where a port of the destination leads to, as far as these are pods.
func (v *view) endpoints(d *destinations.Destination, port destinations.Port) []destinations.Endpoint {
	return port.Endpoints(v.backends(d))
}

// toward is the call of a port of the destination.
func (v *view) toward(d *destinations.Destination, port destinations.Port) istio.Destination {
	return d.Called(port, v.backends(d))
}

// servicesWhere are the destinations that Services of the kind declare.
func (v *view) servicesWhere(is func(*model.Service) bool) iter.Seq[*destinations.Destination] {
	return func(yield func(*destinations.Destination) bool) {
		for i := range v.Services {
			if s := &v.Services[i]; is(s) && !yield(destinations.OfService(s)) {
				return
			}
		}
	}
}
