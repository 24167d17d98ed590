package explain

import (
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/istio/routes"
	"github.com/meshtls/meshtls/internal/model"
)

// policyKind is the kind of the policies that own what the operator writes.
const policyKind = "MeshTLSPolicy"

// view is the mesh as the control plane of one revision sees it, indexed.
type view struct {
	mesh     model.Inventory
	revision string
	istio    *istio.Model
	// policies are, for each object that the operator writes, those that it is written for.
	policies map[model.ObjectRef][]string
	// podsIn are the workloads of each namespace.
	podsIn pods.Namespaces
	// destinations are what can be called.
	destinations destinations.Index
	// routes are the VirtualServices that name a Gateway, by the Gateway.
	routes map[types.NamespacedName][]*istionetworkingv1.VirtualService
	// routesFor remembers the VirtualServices for the sidecars of a namespace.
	routesFor map[string][]*istionetworkingv1.VirtualService
}

func newView(mesh model.Inventory, revision string) *view {
	mesh = mesh.InRevision(revision)
	v := &view{
		mesh: mesh, revision: revision,
		istio:        istio.New(istio.WorldOf(mesh)),
		policies:     map[model.ObjectRef][]string{},
		podsIn:       pods.ByNamespace(mesh.Workloads),
		destinations: destinations.NewIndex(mesh),
		routes:       routes.ByGateway(mesh.VirtualServices),
		routesFor:    map[string][]*istionetworkingv1.VirtualService{},
	}
	notePolicies(v, model.KindPeerAuthentication, mesh.PeerAuthentications)
	notePolicies(v, model.KindDestinationRule, mesh.DestinationRules)
	notePolicies(v, model.KindGateway, mesh.Gateways)
	return v
}

// notePolicies takes down whom the operator's objects are written for.
func notePolicies[T metav1.Object](v *view, kind string, objects []T) {
	for _, o := range objects {
		if !model.Ours(o) {
			continue
		}
		ref := model.ObjectRef{Kind: kind, Namespace: o.GetNamespace(), Name: o.GetName()}
		for _, owner := range o.GetOwnerReferences() {
			if owner.Kind == policyKind {
				v.policies[ref] = append(v.policies[ref], owner.Name)
			}
		}
		slices.Sort(v.policies[ref])
	}
}

// origin is the same as data.
func (v *view) origin(o istio.Origin) Origin {
	return Origin{
		Kind: o.Object.Kind, Namespace: o.Object.Namespace, Name: o.Object.Name, Field: o.Field, Policies: v.policies[o.Object],
	}
}

func (v *view) ignored(ref model.ObjectRef, why string) Ignored {
	return Ignored{Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name, Policies: v.policies[ref], Why: why}
}
