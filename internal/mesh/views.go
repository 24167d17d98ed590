package mesh

import (
	"github.com/meshtls/meshtls/internal/istio/scopes"
	"github.com/meshtls/meshtls/internal/model"
)

// Views are the views of one inventory by the control planes of its revisions. They may be asked from many goroutines.
type Views struct {
	of func(revision string) *View
}

// NewViews returns the views of the inventory. Each is made when it is first asked for.
func NewViews(i model.Inventory) *Views {
	return &Views{of: remembered(func(revision string) *View { return New(i, revision) })}
}

// Of returns the view of the revision's control plane; the empty revision is the default one's.
func (v *Views) Of(revision string) *View { return v.of(revision) }

// With returns the views of the same mesh with these PeerAuthentications, DestinationRules and Gateways in place of all that it has.
func (v *Views) With(objects model.Objects) *Views {
	return &Views{of: remembered(func(revision string) *View { return v.Of(revision).with(objects) })}
}

// with returns the view with other objects. It shares the indexes of everything that does not depend on them.
func (v *View) with(objects model.Objects) *View {
	other := &View{network{contents{revision: v.revision, everyGateway: objects.Gateways, inventory: v.inventory}}}
	seen := scopes.Discovered(model.Inventory{
		Mesh: v.inventory.Mesh, Namespaces: v.inventory.Namespaces, PeerAuthentications: objects.PeerAuthentications,
		DestinationRules: objects.DestinationRules, Gateways: objects.Gateways,
	})
	other.inventory.PeerAuthentications = sortedObjects(model.OfRevision(seen.PeerAuthentications, v.revision))
	other.inventory.DestinationRules = sortedObjects(model.OfRevision(seen.DestinationRules, v.revision))
	other.inventory.Gateways = sortedObjects(model.OfRevision(seen.Gateways, v.revision))
	other.index = v.index.governedBy(other.inventory)
	return other
}
