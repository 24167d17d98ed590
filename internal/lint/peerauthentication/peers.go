package peerauthentication

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// selectingPeers returns the PeerAuthentications for single workloads that Istio looks at.
func selectingPeers(v *mesh.View) []*istiosecurityv1.PeerAuthentication {
	var selecting []*istiosecurityv1.PeerAuthentication
	for _, pa := range v.PeerAuthentications() {
		if pa.Namespace != v.Mesh().RootNamespace && len(peerSelector(pa)) > 0 {
			selecting = append(selecting, pa)
		}
	}
	return selecting
}

// peersByRef finds a PeerAuthentication by the name that the model of Istio gives it.
func peersByRef(v *mesh.View) map[model.ObjectRef]*istiosecurityv1.PeerAuthentication {
	byRef := make(map[model.ObjectRef]*istiosecurityv1.PeerAuthentication, len(v.PeerAuthentications()))
	for _, pa := range v.PeerAuthentications() {
		byRef[model.RefOf(model.KindPeerAuthentication, pa)] = pa
	}
	return byRef
}

func peerSelector(pa *istiosecurityv1.PeerAuthentication) map[string]string {
	return pa.Spec.GetSelector().GetMatchLabels()
}

// peerModeAt returns what the object has pods accept at a port, if it alone decides for them; where it says nothing, the parent's mode
// holds.
func peerModeAt(pa *istiosecurityv1.PeerAuthentication, port uint32, parent meshtlsv1alpha1.AcceptMode) meshtlsv1alpha1.AcceptMode {
	return cmp.Or(istio.ModeOf(pa.Spec.GetPortLevelMtls()[port]), istio.ModeOf(pa.Spec.GetMtls()), parent)
}

// sameModes reports whether two objects have pods accept the same, as a whole and at each port, below a parent.
func sameModes(a, b *istiosecurityv1.PeerAuthentication, parent meshtlsv1alpha1.AcceptMode) bool {
	ports := sets.New[uint32](mesh.WholeWorkload)
	for _, pa := range []*istiosecurityv1.PeerAuthentication{a, b} {
		ports.Insert(slices.Collect(maps.Keys(pa.Spec.GetPortLevelMtls()))...)
	}
	for port := range ports {
		if peerModeAt(a, port, parent) != peerModeAt(b, port, parent) {
			return false
		}
	}
	return true
}

// modeWords returns what the object says, in Istio's words.
func modeWords(pa *istiosecurityv1.PeerAuthentication) string {
	words := "no mode"
	if istio.ModeOf(pa.Spec.GetMtls()) != "" {
		words = pa.Spec.GetMtls().GetMode().String()
	}
	for _, port := range slices.Sorted(maps.Keys(pa.Spec.GetPortLevelMtls())) {
		words += fmt.Sprintf(", %s at port %d", pa.Spec.GetPortLevelMtls()[port].GetMode(), port)
	}
	return words
}

// portNumber and portKey translate between a port and its key in portLevelMtls.
func portNumber(key uint32) int32 { return int32(key) } // #nosec G115 -- below 65536

func portKey(port int32) uint32 { return uint32(port) } // #nosec G115 -- not negative

// about begins a warning about the PeerAuthentication that makes the port strict: it does what it says.
func about(p mesh.StrictPort) model.Finding {
	return model.Finding{Severity: lint.Warning, Subject: p.Origin.Object, Field: p.Origin.Field}
}
