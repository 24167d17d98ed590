package istio

import (
	securityapi "istio.io/api/security/v1beta1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// ModeOf returns the mode that a PeerAuthentication says for a workload or a port; empty where it says none (UNSET).
func ModeOf(mtls *securityapi.PeerAuthentication_MutualTLS) meshtlsv1alpha1.AcceptMode {
	return acceptModes[mtls.GetMode()]
}
