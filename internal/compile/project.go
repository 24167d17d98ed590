package compile

import (
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/model"
)

// Birth returns the creation time of a rendered object that the cluster does not hold yet.
type Birth func(model.Object) metav1.Time

// unborn returns the Birth of objects that nobody has written yet: they will be younger than everything that exists.
func unborn(model.Object) metav1.Time { return istio.Unborn }

// Project returns the rendered objects as the cluster will hold them: each with the creation time of the live object that it updates
// in place, and a new one younger than everything. Age is priority in Istio. What it is given stays as it is.
func Project(rendered, live model.Objects) model.Objects { return project(rendered, live, unborn) }

func project(rendered, live model.Objects, born Birth) model.Objects {
	return model.Objects{
		PeerAuthentications: withAges(rendered.PeerAuthentications, live.PeerAuthentications, born, agedPeerAuthentication),
		DestinationRules:    withAges(rendered.DestinationRules, live.DestinationRules, born, agedDestinationRule),
		Gateways:            withAges(rendered.Gateways, live.Gateways, born, agedGateway),
	}
}

func withAges[T model.Object](rendered, live []T, born Birth, aged func(T, metav1.Time) T) []T {
	ages := make(map[types.NamespacedName]metav1.Time, len(live))
	for _, o := range live {
		ages[nameOf(o)] = o.GetCreationTimestamp()
	}
	projected := make([]T, 0, len(rendered))
	for _, o := range rendered {
		age, exists := ages[nameOf(o)]
		if !exists {
			age = born(o)
		}
		projected = append(projected, aged(o, age))
	}
	return projected
}

// The aged objects share what the rendered ones point to: nobody changes either.

func agedPeerAuthentication(o *istiosecurityv1.PeerAuthentication, age metav1.Time) *istiosecurityv1.PeerAuthentication {
	aged := &istiosecurityv1.PeerAuthentication{TypeMeta: o.TypeMeta, ObjectMeta: o.ObjectMeta}
	aged.CreationTimestamp = age
	aged.Spec.Selector, aged.Spec.Mtls, aged.Spec.PortLevelMtls = o.Spec.Selector, o.Spec.Mtls, o.Spec.PortLevelMtls
	return aged
}

func agedDestinationRule(o *istionetworkingv1.DestinationRule, age metav1.Time) *istionetworkingv1.DestinationRule {
	aged := &istionetworkingv1.DestinationRule{TypeMeta: o.TypeMeta, ObjectMeta: o.ObjectMeta}
	aged.CreationTimestamp = age
	aged.Spec.Host, aged.Spec.TrafficPolicy, aged.Spec.Subsets = o.Spec.Host, o.Spec.TrafficPolicy, o.Spec.Subsets
	aged.Spec.ExportTo, aged.Spec.WorkloadSelector = o.Spec.ExportTo, o.Spec.WorkloadSelector
	return aged
}

func agedGateway(o *istionetworkingv1.Gateway, age metav1.Time) *istionetworkingv1.Gateway {
	aged := &istionetworkingv1.Gateway{TypeMeta: o.TypeMeta, ObjectMeta: o.ObjectMeta}
	aged.CreationTimestamp = age
	aged.Spec.Selector, aged.Spec.Servers = o.Spec.Selector, o.Spec.Servers
	return aged
}

func nameOf(o metav1.Object) types.NamespacedName {
	return types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}
}
