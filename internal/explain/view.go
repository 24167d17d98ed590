package explain

import (
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshtls/meshtls/internal/effective"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/pods"
)

// policyKind is the kind of the policies that own what the operator writes.
const policyKind = "MeshTLSPolicy"

// view is the mesh as the control plane of one revision sees it, indexed.
type view struct {
	mesh     model.Inventory
	revision string
	istio    *effective.Model
	// policies are, for each object that the operator writes, those that it is written for.
	policies map[effective.Ref][]string
	// podsIn are the workloads of each namespace.
	podsIn map[string]pods.Index
	// destinations are what can be called, by host.
	destinations map[string][]*destination
	// hosts are the destinations' names, in order.
	hosts []string
	// routesFor remembers the VirtualServices for the sidecars of a namespace.
	routesFor map[string][]*istionetworkingv1.VirtualService
}

func newView(mesh model.Inventory, revision string) *view {
	mesh.PeerAuthentications = inRevision(mesh.PeerAuthentications, revision)
	mesh.DestinationRules = inRevision(mesh.DestinationRules, revision)
	mesh.Gateways = inRevision(mesh.Gateways, revision)
	mesh.VirtualServices = inRevision(mesh.VirtualServices, revision)
	mesh.ServiceEntries = inRevision(mesh.ServiceEntries, revision)
	mesh.WorkloadEntries = inRevision(mesh.WorkloadEntries, revision)
	v := &view{
		mesh: mesh, revision: revision,
		istio: effective.New(effective.World{
			Mesh:                mesh.Mesh,
			PeerAuthentications: mesh.PeerAuthentications,
			DestinationRules:    mesh.DestinationRules,
			Gateways:            mesh.Gateways,
			Services:            mesh.Services,
		}),
		policies: map[effective.Ref][]string{}, podsIn: map[string]pods.Index{}, destinations: map[string][]*destination{},
		routesFor: map[string][]*istionetworkingv1.VirtualService{},
	}
	v.indexPods()
	v.indexDestinations()
	notePolicies(v, model.KindPeerAuthentication, mesh.PeerAuthentications)
	notePolicies(v, model.KindDestinationRule, mesh.DestinationRules)
	notePolicies(v, model.KindGateway, mesh.Gateways)
	return v
}

func inRevision[T metav1.Object](objects []T, revision string) []T {
	return slices.DeleteFunc(slices.Clone(objects), func(o T) bool { return !model.InRevision(o, revision) })
}

func (v *view) indexPods() {
	byNamespace := map[string][]model.Workload{}
	for _, w := range v.mesh.Workloads {
		byNamespace[w.Namespace] = append(byNamespace[w.Namespace], w)
	}
	for namespace, workloads := range byNamespace {
		v.podsIn[namespace] = pods.NewIndex(workloads)
	}
}

// selected are the workloads of the namespace that have the labels.
func (v *view) selected(namespace string, labels map[string]string) []model.Workload {
	index, known := v.podsIn[namespace]
	if !known || len(labels) == 0 {
		return nil
	}
	return index.Selected(labels)
}

// notePolicies takes down whom the operator's objects are written for.
func notePolicies[T metav1.Object](v *view, kind string, objects []T) {
	for _, o := range objects {
		if !model.Ours(o) {
			continue
		}
		ref := effective.Ref{Kind: kind, Namespace: o.GetNamespace(), Name: o.GetName()}
		for _, owner := range o.GetOwnerReferences() {
			if owner.Kind == policyKind {
				v.policies[ref] = append(v.policies[ref], owner.Name)
			}
		}
		slices.Sort(v.policies[ref])
	}
}

// origin is the same as data.
func (v *view) origin(o effective.Origin) Origin {
	return Origin{
		Kind: o.Object.Kind, Namespace: o.Object.Namespace, Name: o.Object.Name, Field: o.Field, Policies: v.policies[o.Object],
	}
}

func (v *view) ignored(ref effective.Ref, why string) Ignored {
	return Ignored{Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name, Policies: v.policies[ref], Why: why}
}
