package check

import (
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/model"
)

// istio is what the control plane of a revision makes of the namespace once what is rendered is written, beside everything that is
// not ours to write.
type controlPlane struct {
	*istio.Model
	revision string
	// world is what the model is of.
	world   istio.World
	planned plannedObjects
}

// judges says whether the view is the one to judge an object of ours. An object without a revision is read by every control plane;
// it is judged by the default one's view.
func (v controlPlane) judges(o metav1.Object) bool {
	return o.GetLabels()[meshtlsv1alpha1.LabelRevision] == v.revision
}

// plannedObjects are the rendered objects as they will stand in the cluster, by reference.
type plannedObjects struct {
	peerAuthentications map[model.ObjectRef]*istiosecurityv1.PeerAuthentication
	destinationRules    map[model.ObjectRef]*istionetworkingv1.DestinationRule
	gateways            map[model.ObjectRef]*istionetworkingv1.Gateway
}

// controlPlanesOf makes one view for each revision that the namespace's policies are for. The objects have the ages that they will have.
func controlPlanesOf(s model.Snapshot, objects model.Objects, policies []subject) []controlPlane {
	var views []controlPlane
	for _, p := range policies {
		revision := p.revision()
		if !slices.ContainsFunc(views, func(v controlPlane) bool { return v.revision == revision }) {
			views = append(views, newControlPlane(s, objects, revision))
		}
	}
	return views
}

func newControlPlane(s model.Snapshot, planned model.Objects, revision string) controlPlane {
	planned.PeerAuthentications = model.OfRevision(planned.PeerAuthentications, revision)
	planned.DestinationRules = model.OfRevision(planned.DestinationRules, revision)
	planned.Gateways = model.OfRevision(planned.Gateways, revision)
	v := controlPlane{revision: revision, planned: plannedObjects{
		peerAuthentications: byRef(planned.PeerAuthentications),
		destinationRules:    byRef(planned.DestinationRules),
		gateways:            byRef(planned.Gateways),
	}}
	v.world = istio.World{
		Mesh:                s.Mesh,
		PeerAuthentications: together(planned.PeerAuthentications, model.OfRevision(s.PeerAuthentications, revision), s.Namespace),
		DestinationRules:    together(planned.DestinationRules, model.OfRevision(s.DestinationRules, revision), s.Namespace),
		Gateways:            together(planned.Gateways, model.OfRevision(s.Gateways, revision), s.Namespace),
		Services:            s.Services,
	}
	v.Model = istio.New(v.world)
	return v
}

func byRef[T metav1.Object](objects []T) map[model.ObjectRef]T {
	refs := make(map[model.ObjectRef]T, len(objects))
	for _, o := range objects {
		refs[refOf(o)] = o
	}
	return refs
}

// together returns all objects that Istio will see: the planned ones, in place of ours in the namespace, and all others.
func together[T metav1.Object](planned, live []T, namespace string) []T {
	all := make([]T, 0, len(planned)+len(live))
	all = append(all, planned...)
	for _, o := range live {
		if !model.Ours(o) || o.GetNamespace() != namespace {
			all = append(all, o)
		}
	}
	return all
}

// refOf names an object as the model of Istio does.
func refOf(o metav1.Object) model.ObjectRef {
	ref := model.ObjectRef{Namespace: o.GetNamespace(), Name: o.GetName()}
	switch o.(type) {
	case *istiosecurityv1.PeerAuthentication:
		ref.Kind = model.KindPeerAuthentication
	case *istionetworkingv1.DestinationRule:
		ref.Kind = model.KindDestinationRule
	case *istionetworkingv1.Gateway:
		ref.Kind = model.KindGateway
	}
	return ref
}

func objectRef(r model.ObjectRef) model.ObjectRef {
	return model.ObjectRef{Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}
}
