package render

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	securityapi "istio.io/api/security/v1beta1"
	typeapi "istio.io/api/type/v1beta1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

var peerAuthenticationType = metav1.TypeMeta{
	APIVersion: istiosecurityv1.SchemeGroupVersion.String(), Kind: model.KindPeerAuthentication,
}

// peerAuthentication writes down what pods accept. Inherit is left out: an absent mtls is Istio's UNSET.
func peerAuthentication(at place, r *model.AcceptRule) *istiosecurityv1.PeerAuthentication {
	object := &istiosecurityv1.PeerAuthentication{
		TypeMeta:   peerAuthenticationType,
		ObjectMeta: identity{at.namespace, acceptName(r, at.everything), r.Revision, r.Owners}.objectMeta(),
	}
	object.Spec.Mtls = mutualTLS(r.AcceptSettings)
	if len(r.Selector) > 0 {
		object.Spec.Selector = &typeapi.WorkloadSelector{MatchLabels: r.Selector}
		object.Spec.PortLevelMtls = portLevelMTLS(r.Ports)
	}
	return object
}

// portLevelMTLS returns the exceptions of single ports. Istio refuses them without a selector.
func portLevelMTLS(ports []model.PortAccept) map[uint32]*securityapi.PeerAuthentication_MutualTLS {
	if len(ports) == 0 {
		return nil
	}
	modes := make(map[uint32]*securityapi.PeerAuthentication_MutualTLS, len(ports))
	for _, p := range ports {
		modes[portNumber(p.Port)] = mutualTLS(p.AcceptSettings)
	}
	return modes
}

func mutualTLS(settings model.AcceptSettings) *securityapi.PeerAuthentication_MutualTLS {
	switch settings.Mode {
	case meshtlsv1alpha1.AcceptStrict:
		return &securityapi.PeerAuthentication_MutualTLS{Mode: securityapi.PeerAuthentication_MutualTLS_STRICT}
	case meshtlsv1alpha1.AcceptPermissive:
		return &securityapi.PeerAuthentication_MutualTLS{Mode: securityapi.PeerAuthentication_MutualTLS_PERMISSIVE}
	case meshtlsv1alpha1.AcceptDisable:
		return &securityapi.PeerAuthentication_MutualTLS{Mode: securityapi.PeerAuthentication_MutualTLS_DISABLE}
	default:
		return nil
	}
}

// portNumber returns a port as Istio's messages hold it. Admission keeps ports between 1 and 65535.
func portNumber(port int32) uint32 {
	return uint32(max(port, 0)) //nolint:gosec // not negative
}
