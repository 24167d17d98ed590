package verbatim

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
)

// PeerAuthenticationList is a list of PeerAuthentications.
type PeerAuthenticationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`
	Items           []*PeerAuthentication `json:"items"`
}

// DestinationRuleList is a list of DestinationRules.
type DestinationRuleList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`
	Items           []*DestinationRule `json:"items"`
}

// GatewayList is a list of Gateways.
type GatewayList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`
	Items           []*Gateway `json:"items"`
}

// DeepCopyObject implements runtime.Object.
func (l *PeerAuthenticationList) DeepCopyObject() runtime.Object {
	copied := &PeerAuthenticationList{TypeMeta: l.TypeMeta, Items: copies(l.Items)}
	l.ListMeta.DeepCopyInto(&copied.ListMeta)
	return copied
}

// DeepCopyObject implements runtime.Object.
func (l *DestinationRuleList) DeepCopyObject() runtime.Object {
	copied := &DestinationRuleList{TypeMeta: l.TypeMeta, Items: copies(l.Items)}
	l.ListMeta.DeepCopyInto(&copied.ListMeta)
	return copied
}

// DeepCopyObject implements runtime.Object.
func (l *GatewayList) DeepCopyObject() runtime.Object {
	copied := &GatewayList{TypeMeta: l.TypeMeta, Items: copies(l.Items)}
	l.ListMeta.DeepCopyInto(&copied.ListMeta)
	return copied
}

func copies[O runtime.Object](items []O) []O {
	var all []O
	for _, item := range items {
		copied, _ := item.DeepCopyObject().(O) // an object's copy is of its type
		all = append(all, copied)
	}
	return all
}

// Plain returns the objects as Istio's type, which share what they hold with those of the list.
func (l *PeerAuthenticationList) Plain() []*istiosecurityv1.PeerAuthentication {
	return plain(l.Items, func(p *PeerAuthentication) *istiosecurityv1.PeerAuthentication { return &p.PeerAuthentication })
}

// Plain returns the objects as Istio's type, which share what they hold with those of the list.
func (l *DestinationRuleList) Plain() []*istionetworkingv1.DestinationRule {
	return plain(l.Items, func(r *DestinationRule) *istionetworkingv1.DestinationRule { return &r.DestinationRule })
}

// Plain returns the objects as Istio's type, which share what they hold with those of the list.
func (l *GatewayList) Plain() []*istionetworkingv1.Gateway {
	return plain(l.Items, func(g *Gateway) *istionetworkingv1.Gateway { return &g.Gateway })
}

func plain[K, P any](items []K, of func(K) P) []P {
	all := make([]P, 0, len(items))
	for _, item := range items {
		all = append(all, of(item))
	}
	return all
}
