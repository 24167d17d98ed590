package importer

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	securityapi "istio.io/api/security/v1beta1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
)

// Istio's CRDs refuse such an object today; a cluster may hold one that is older.
func TestPortsWithoutSelectorAreLeftOut(t *testing.T) {
	object := &istiosecurityv1.PeerAuthentication{Spec: securityapi.PeerAuthentication{
		PortLevelMtls: map[uint32]*securityapi.PeerAuthentication_MutualTLS{80: {Mode: securityapi.PeerAuthentication_MutualTLS_DISABLE}},
	}}
	got := acceptCandidate([]*istiosecurityv1.PeerAuthentication{object})
	if diff := cmp.Diff([]string{"Istio ignores portLevelMtls without a selector: it is left out."}, got.notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	if len(got.policy.Spec.Accept.Ports) > 0 {
		t.Errorf("got the ports %v", got.policy.Spec.Accept.Ports)
	}
}
