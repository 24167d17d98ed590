package verbatim

import (
	"slices"

	"google.golang.org/protobuf/proto"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
)

// PeerAuthentication is one that keeps what its type does not know.
type PeerAuthentication struct {
	istiosecurityv1.PeerAuthentication
}

// DestinationRule is one that keeps what its type does not know.
type DestinationRule struct {
	istionetworkingv1.DestinationRule
}

// Gateway is one that keeps what its type does not know.
type Gateway struct {
	istionetworkingv1.Gateway
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *PeerAuthentication) UnmarshalJSON(text []byte) error {
	return unmarshal(text, &p.PeerAuthentication, &p.Spec)
}

// UnmarshalJSON implements json.Unmarshaler.
func (r *DestinationRule) UnmarshalJSON(text []byte) error {
	return unmarshal(text, &r.DestinationRule, &r.Spec)
}

// UnmarshalJSON implements json.Unmarshaler.
func (g *Gateway) UnmarshalJSON(text []byte) error {
	return unmarshal(text, &g.Gateway, &g.Spec)
}

// MarshalJSON implements json.Marshaler.
func (p *PeerAuthentication) MarshalJSON() ([]byte, error) {
	return marshal(&p.PeerAuthentication, &p.Spec)
}

// MarshalJSON implements json.Marshaler.
func (r *DestinationRule) MarshalJSON() ([]byte, error) {
	return marshal(&r.DestinationRule, &r.Spec)
}

// MarshalJSON implements json.Marshaler.
func (g *Gateway) MarshalJSON() ([]byte, error) {
	return marshal(&g.Gateway, &g.Spec)
}

// DeepCopyObject implements runtime.Object.
func (p *PeerAuthentication) DeepCopyObject() runtime.Object {
	copied := &PeerAuthentication{}
	p.DeepCopyInto(&copied.PeerAuthentication)
	return copied
}

// DeepCopyObject implements runtime.Object.
func (r *DestinationRule) DeepCopyObject() runtime.Object {
	copied := &DestinationRule{}
	r.DeepCopyInto(&copied.DestinationRule)
	return copied
}

// DeepCopyObject implements runtime.Object.
func (g *Gateway) DeepCopyObject() runtime.Object {
	copied := &Gateway{}
	g.DeepCopyInto(&copied.Gateway)
	return copied
}

// Plain returns an object of one of these kinds as one of Istio's type, and every other as it is. The two share what they hold.
func Plain(object client.Object) client.Object {
	switch keeping := object.(type) {
	case *PeerAuthentication:
		return &keeping.PeerAuthentication
	case *DestinationRule:
		return &keeping.DestinationRule
	case *Gateway:
		return &keeping.Gateway
	default:
		return object
	}
}

// Of returns an object of one of Istio's types as one that keeps what the type does not know, and every other as it is.
func Of(object client.Object) client.Object {
	switch plain := object.(type) {
	case *istiosecurityv1.PeerAuthentication:
		kept := &PeerAuthentication{}
		plain.DeepCopyInto(&kept.PeerAuthentication)
		return kept
	case *istionetworkingv1.DestinationRule:
		kept := &DestinationRule{}
		plain.DeepCopyInto(&kept.DestinationRule)
		return kept
	case *istionetworkingv1.Gateway:
		kept := &Gateway{}
		plain.DeepCopyInto(&kept.Gateway)
		return kept
	default:
		return object
	}
}

// SpecOf returns the spec of an object of one of these kinds, or of Istio's type for it, or of an AuthorizationPolicy, of which nothing is
// kept; nil: it is of another kind.
func SpecOf(object client.Object) proto.Message {
	switch plain := Plain(object).(type) {
	case *istiosecurityv1.PeerAuthentication:
		return &plain.Spec
	case *istionetworkingv1.DestinationRule:
		return &plain.Spec
	case *istionetworkingv1.Gateway:
		return &plain.Spec
	case *istiosecurityv1.AuthorizationPolicy:
		return &plain.Spec
	default:
		return nil
	}
}

// AddToScheme registers Istio's groups, with the types of this package for the kinds that it has.
func AddToScheme(scheme *runtime.Scheme) error {
	others := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{istionetworkingv1.AddToScheme, istiosecurityv1.AddToScheme} {
		if err := add(others); err != nil {
			return err
		}
	}
	ours := map[string]runtime.Object{
		"PeerAuthentication": &PeerAuthentication{}, "PeerAuthenticationList": &PeerAuthenticationList{},
		"DestinationRule": &DestinationRule{}, "DestinationRuleList": &DestinationRuleList{},
		"Gateway": &Gateway{}, "GatewayList": &GatewayList{},
	}
	groups := []string{istionetworkingv1.SchemeGroupVersion.Group, istiosecurityv1.SchemeGroupVersion.Group}
	for gvk := range others.AllKnownTypes() {
		if !slices.Contains(groups, gvk.Group) {
			continue
		}
		object, kept := ours[gvk.Kind]
		if !kept {
			var err error
			if object, err = others.New(gvk); err != nil {
				return err
			}
		}
		scheme.AddKnownTypeWithName(gvk, object)
	}
	metav1.AddToGroupVersion(scheme, istionetworkingv1.SchemeGroupVersion)
	metav1.AddToGroupVersion(scheme, istiosecurityv1.SchemeGroupVersion)
	return nil
}
