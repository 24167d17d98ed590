package istio

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	securityapi "istio.io/api/security/v1beta1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/scopes"
	"github.com/meshtls/meshtls/internal/model"
)

// Accepted is a mode that is in force, never Inherit, and where it comes from.
type Accepted struct {
	Mode   meshtlsv1alpha1.AcceptMode
	Origin Origin
}

// AcceptedPort is the mode of a workload port.
type AcceptedPort struct {
	Port int32
	Accepted
}

// Acceptance is what a workload accepts.
type Acceptance struct {
	// Workload holds for every port that Ports does not list.
	Workload Accepted
	// Ports are the ports with a mode of their own, ascending.
	Ports []AcceptedPort
	// Ignored are the PeerAuthentications that select the workload and that Istio does not use.
	Ignored []IgnoredPeer
}

// Port returns what the workload accepts at the port.
func (a Acceptance) Port(port int32) Accepted {
	for _, p := range a.Ports {
		if p.Port == port {
			return p.Accepted
		}
	}
	return a.Workload
}

// IgnoredPeer is a PeerAuthentication that selects a workload to no effect.
type IgnoredPeer struct {
	Object model.ObjectRef
	// Winner is the older object of the same scope that Istio uses; the zero model.ObjectRef where there is none, and Istio would ignore the
	// object all the same.
	Winner model.ObjectRef
	Why    string
}

// Accept says what the workload accepts. A gateway's own servers are none of it: see Listeners.
func (m *Model) Accept(w *model.Workload) Acceptance {
	levels := m.peers().levelsOf(w)
	acceptance := m.acceptance(levels, w)
	acceptance.Ignored = m.peers().ignored(w, levels)
	return acceptance
}

// peerLevels are the PeerAuthentications that decide for a workload, at most one of each scope.
type peerLevels struct {
	mesh, namespace, workload *istiosecurityv1.PeerAuthentication
}

func (m *Model) acceptance(l peerLevels, w *model.Workload) Acceptance {
	switch w.Dataplane {
	case model.DataplaneNone:
		return anything("the pods have no proxy")
	case model.DataplaneWaypoint:
		return anything("the pods are a waypoint")
	case model.DataplaneAmbient:
		return l.ztunnelAcceptance()
	case model.DataplaneProxyless:
		return l.grpcAcceptance(w.Labels[model.LabelTLSMode] == "istio")
	}
	if w.Interception == model.InterceptionNone && !w.Gateway {
		return m.uninterceptedAcceptance(l, w)
	}
	return l.sidecarAcceptance()
}

// anything returns accepted where nothing enforces what PeerAuthentications say.
func anything(why string) Acceptance {
	return Acceptance{Workload: Accepted{Mode: meshtlsv1alpha1.AcceptDisable, Origin: Origin{Field: why}}}
}

// grpcAcceptance returns what a gRPC server enforces that the control plane configures: it has one transport for a port, mutual TLS or
// plaintext. Permissive is plaintext, unless the pods' label has clients use mutual TLS.
// Source: istio pilot/pkg/networking/grpcgen/lds.go, buildInboundFilterChains.
func (l peerLevels) grpcAcceptance(labelled bool) Acceptance {
	acceptance := l.sidecarAcceptance()
	one := func(a Accepted) Accepted {
		switch {
		case a.Mode == permissive && labelled:
			a.Mode = strict
		case a.Mode == permissive:
			a.Mode = disable
		}
		return a
	}
	acceptance.Workload = one(acceptance.Workload)
	for i := range acceptance.Ports {
		acceptance.Ports[i].Accepted = one(acceptance.Ports[i].Accepted)
	}
	return acceptance
}

// uninterceptedAcceptance returns what pods accept whose connections are not led to their sidecar: it listens where a Sidecar says, and all
// other ports are the application's own.
// Source: istio pilot/pkg/networking/core/listener_inbound.go, buildInboundChainConfigs and buildInboundListeners.
func (m *Model) uninterceptedAcceptance(l peerLevels, w *model.Workload) Acceptance {
	acceptance := anything("interception mode NONE: nothing leads connections to the sidecar")
	said := l.sidecarAcceptance()
	for _, port := range scopes.IngressPorts(m.sidecars().Of(w.Namespace, w.Labels)) {
		acceptance.Ports = append(acceptance.Ports, AcceptedPort{Port: port, Accepted: said.Port(port)})
	}
	return acceptance
}

// sidecarAcceptance lets the narrowest scope that says something decide.
// Source: istio pilot/pkg/security/authn/policy_applier.go, ComposePeerAuthentication.
func (l peerLevels) sidecarAcceptance() Acceptance {
	acceptance := Acceptance{Workload: l.whole()}
	for _, port := range portsOf(l.workload) {
		acceptance.Ports = append(acceptance.Ports, AcceptedPort{Port: int32(port), Accepted: l.at(port)})
	}
	return acceptance
}

// whole returns what is accepted at every port without a mode of its own.
func (l peerLevels) whole() Accepted {
	accepted := Accepted{Mode: meshtlsv1alpha1.AcceptPermissive}
	for _, pa := range [...]*istiosecurityv1.PeerAuthentication{l.mesh, l.namespace, l.workload} {
		if mode := modeOf(pa); mode != "" {
			accepted = Accepted{Mode: mode, Origin: Origin{Object: peerRef(pa), Field: "spec.mtls.mode"}}
		}
	}
	return accepted
}

// at returns what is accepted at the port.
func (l peerLevels) at(port uint32) Accepted {
	if l.workload != nil {
		if mode := portMode(l.workload, port); mode != "" {
			return Accepted{Mode: mode, Origin: portOrigin(l.workload, port)}
		}
	}
	return l.whole()
}

func portsOf(pa *istiosecurityv1.PeerAuthentication) []uint32 {
	if pa == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(pa.Spec.PortLevelMtls))
}

func portOrigin(pa *istiosecurityv1.PeerAuthentication, port uint32) Origin {
	return Origin{Object: peerRef(pa), Field: "spec.portLevelMtls[" + strconv.FormatUint(uint64(port), 10) + "].mode"}
}

// modeOf returns the mode for the whole of what the object selects; empty where it says nothing.
func modeOf(pa *istiosecurityv1.PeerAuthentication) meshtlsv1alpha1.AcceptMode {
	if pa == nil {
		return ""
	}
	return acceptModes[pa.Spec.GetMtls().GetMode()]
}

func portMode(pa *istiosecurityv1.PeerAuthentication, port uint32) meshtlsv1alpha1.AcceptMode {
	return acceptModes[pa.Spec.PortLevelMtls[port].GetMode()]
}

// acceptModes has no entry for UNSET.
var acceptModes = map[securityapi.PeerAuthentication_MutualTLS_Mode]meshtlsv1alpha1.AcceptMode{
	securityapi.PeerAuthentication_MutualTLS_DISABLE:    meshtlsv1alpha1.AcceptDisable,
	securityapi.PeerAuthentication_MutualTLS_PERMISSIVE: meshtlsv1alpha1.AcceptPermissive,
	securityapi.PeerAuthentication_MutualTLS_STRICT:     meshtlsv1alpha1.AcceptStrict,
}

// AcceptedAt returns what the workload accepts at one port. Most have a sidecar, for which the other ports need not be looked at.
func (m *Model) AcceptedAt(w *model.Workload, port int32) Accepted {
	levels := m.peers().levelsOf(w)
	if w.Dataplane == model.DataplaneSidecar && w.Interception != model.InterceptionNone {
		return levels.at(uint32(port)) // #nosec G115 -- a port
	}
	return m.acceptance(levels, w).Port(port)
}

// saidAt returns what PeerAuthentications say of the port, whoever enforces it: clients go by that.
func (m *Model) saidAt(w *model.Workload, port int32) Accepted {
	return m.peers().levelsOf(w).at(uint32(port)) // #nosec G115 -- a port
}

// namespaceAccepts returns what a namespace's workloads accept if nothing is said for them, which is all that Istio looks at when it
// decides whether clients use mutual TLS at all.
// Source: istio pilot/pkg/model/authentication.go, GetNamespaceMutualTLSMode.
func (m *Model) namespaceAccepts(namespace string) Accepted {
	return peerLevels{mesh: m.peers().mesh(), namespace: m.peers().namespaceWide(namespace)}.whole()
}

// sortIgnored makes the order that of the objects' names.
func sortIgnored(ignored []IgnoredPeer) {
	slices.SortFunc(ignored, func(a, b IgnoredPeer) int {
		return cmp.Or(cmp.Compare(a.Object.Namespace, b.Object.Namespace), cmp.Compare(a.Object.Name, b.Object.Name))
	})
}
