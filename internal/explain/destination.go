package explain

import (
	"slices"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/model"
)

// declaration names the object that declares the destination.
func declaration(d *destinations.Destination) *Declaration {
	ref := d.Ref()
	return &Declaration{Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name}
}

// backends are the pods and machines behind the destination.
func (v *view) backends(d *destinations.Destination) []model.Workload {
	return slices.Concat(d.Backends(v.podsIn), v.machines(d))
}

// toward is the call of a port of the destination.
func (v *view) toward(d *destinations.Destination, port destinations.Port) istio.Destination {
	return d.Called(port, v.backends(d))
}
