package service

import (
	"iter"
	"slices"

	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// inMesh reports whether pods behind the Service have a sidecar.
func inMesh(v *mesh.View, service *model.Service) bool {
	return slices.ContainsFunc(v.Behind(v.DeclaredBy(service)), func(w *model.Workload) bool {
		return w.Dataplane == model.DataplaneSidecar && !w.Gateway
	})
}

// servicesWhere returns the destinations that Services of the kind declare.
func servicesWhere(v *mesh.View, is func(*model.Service) bool) iter.Seq[*destinations.Destination] {
	return func(yield func(*destinations.Destination) bool) {
		for i := range v.Services() {
			if s := &v.Services()[i]; is(s) && !yield(v.DeclaredBy(s)) {
				return
			}
		}
	}
}
