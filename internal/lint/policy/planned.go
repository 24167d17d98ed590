package policy

import (
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/model"
)

// Planned are the rendered objects as they will stand in the cluster: with the age of the live ones that they update in place, and
// else unborn. Age is priority in Istio.
func Planned(rendered, live model.Objects) model.Objects {
	return model.Objects{
		PeerAuthentications: asPlanned(rendered.PeerAuthentications, live.PeerAuthentications, agedPeerAuthentication),
		DestinationRules:    asPlanned(rendered.DestinationRules, live.DestinationRules, agedDestinationRule),
		Gateways:            asPlanned(rendered.Gateways, live.Gateways, agedGateway),
	}
}

func asPlanned[T metav1.Object](rendered, live []T, aged func(T, metav1.Time) T) []T {
	born := make(map[types.NamespacedName]metav1.Time, len(live))
	for _, o := range live {
		born[nameOf(o)] = o.GetCreationTimestamp()
	}
	planned := make([]T, 0, len(rendered))
	for _, o := range rendered {
		age, exists := born[nameOf(o)]
		if !exists {
			age = istio.Unborn
		}
		planned = append(planned, aged(o, age))
	}
	return planned
}

func nameOf(o metav1.Object) types.NamespacedName {
	return types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}
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
