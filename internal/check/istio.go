package check

import (
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/effective"
	"github.com/meshtls/meshtls/internal/model"
)

// istio is what the control plane of a revision makes of the namespace once what is rendered is written, beside everything that is
// not ours to write.
type istio struct {
	*effective.Model
	revision string
	planned  plannedObjects
}

// judges says whether the view is the one to judge an object of ours. An object without a revision is read by every control plane;
// it is judged by the default one's view.
func (v istio) judges(o metav1.Object) bool {
	return o.GetLabels()[meshtlsv1alpha1.LabelRevision] == v.revision
}

// plannedObjects are the rendered objects as they will stand in the cluster, by reference.
type plannedObjects struct {
	peerAuthentications map[effective.Ref]*istiosecurityv1.PeerAuthentication
	destinationRules    map[effective.Ref]*istionetworkingv1.DestinationRule
	gateways            map[effective.Ref]*istionetworkingv1.Gateway
}

// istios makes one view for each revision that the namespace's policies are for.
func istios(s model.Snapshot, objects model.Objects, policies []subject) []istio {
	var views []istio
	for _, p := range policies {
		revision := p.revision()
		if !slices.ContainsFunc(views, func(v istio) bool { return v.revision == revision }) {
			views = append(views, newIstio(s, objects, revision))
		}
	}
	return views
}

func newIstio(s model.Snapshot, objects model.Objects, revision string) istio {
	v := istio{revision: revision}
	v.planned.peerAuthentications = asPlanned(inRevision(objects.PeerAuthentications, revision), s.PeerAuthentications, agedPeerAuthentication)
	v.planned.destinationRules = asPlanned(inRevision(objects.DestinationRules, revision), s.DestinationRules, agedDestinationRule)
	v.planned.gateways = asPlanned(inRevision(objects.Gateways, revision), s.Gateways, agedGateway)
	v.Model = effective.New(effective.World{
		Mesh:                s.Mesh,
		PeerAuthentications: together(v.planned.peerAuthentications, s.PeerAuthentications, s.Elsewhere.PeerAuthentications, revision),
		DestinationRules:    together(v.planned.destinationRules, s.DestinationRules, s.Elsewhere.DestinationRules, revision),
		Gateways:            together(v.planned.gateways, s.Gateways, s.Elsewhere.Gateways, revision),
		Services:            s.Services,
	})
	return v
}

func inRevision[T metav1.Object](objects []T, revision string) []T {
	return slices.DeleteFunc(slices.Clone(objects), func(o T) bool { return !model.InRevision(o, revision) })
}

// together are all objects that Istio will see: what is planned, in place of what is ours in the namespace, and all others.
func together[T metav1.Object](planned map[effective.Ref]T, here, elsewhere []T, revision string) []T {
	all := make([]T, 0, len(planned)+len(here)+len(elsewhere))
	for _, o := range planned {
		all = append(all, o)
	}
	for _, o := range inRevision(here, revision) {
		if !model.Ours(o) {
			all = append(all, o)
		}
	}
	return append(all, inRevision(elsewhere, revision)...)
}

// asPlanned gives the rendered objects the age of the live ones that they update in place: age is priority in Istio.
func asPlanned[T metav1.Object](rendered, live []T, aged func(T, metav1.Time) T) map[effective.Ref]T {
	born := make(map[string]metav1.Time, len(live))
	for _, o := range live {
		born[o.GetName()] = o.GetCreationTimestamp()
	}
	planned := make(map[effective.Ref]T, len(rendered))
	for _, o := range rendered {
		age, exists := born[o.GetName()]
		if !exists {
			age = effective.Unborn
		}
		planned[refOf(o)] = aged(o, age)
	}
	return planned
}

// The aged objects share what the rendered ones point to: nobody changes either.

func agedPeerAuthentication(o *istiosecurityv1.PeerAuthentication, age metav1.Time) *istiosecurityv1.PeerAuthentication {
	aged := &istiosecurityv1.PeerAuthentication{ObjectMeta: o.ObjectMeta}
	aged.CreationTimestamp = age
	aged.Spec.Selector, aged.Spec.Mtls, aged.Spec.PortLevelMtls = o.Spec.Selector, o.Spec.Mtls, o.Spec.PortLevelMtls
	return aged
}

func agedDestinationRule(o *istionetworkingv1.DestinationRule, age metav1.Time) *istionetworkingv1.DestinationRule {
	aged := &istionetworkingv1.DestinationRule{ObjectMeta: o.ObjectMeta}
	aged.CreationTimestamp = age
	aged.Spec.Host, aged.Spec.TrafficPolicy, aged.Spec.Subsets = o.Spec.Host, o.Spec.TrafficPolicy, o.Spec.Subsets
	aged.Spec.ExportTo, aged.Spec.WorkloadSelector = o.Spec.ExportTo, o.Spec.WorkloadSelector
	return aged
}

func agedGateway(o *istionetworkingv1.Gateway, age metav1.Time) *istionetworkingv1.Gateway {
	aged := &istionetworkingv1.Gateway{ObjectMeta: o.ObjectMeta}
	aged.CreationTimestamp = age
	aged.Spec.Selector, aged.Spec.Servers = o.Spec.Selector, o.Spec.Servers
	return aged
}

// refOf names an object as the model of Istio does.
func refOf(o metav1.Object) effective.Ref {
	ref := effective.Ref{Namespace: o.GetNamespace(), Name: o.GetName()}
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

func objectRef(r effective.Ref) model.ObjectRef {
	return model.ObjectRef{Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}
}
