package istio

import (
	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

const (
	strict     = meshtlsv1alpha1.AcceptStrict
	permissive = meshtlsv1alpha1.AcceptPermissive
	disable    = meshtlsv1alpha1.AcceptDisable
)

// ztunnelAcceptance returns what the node's proxy enforces: it either refuses plaintext or does not, so Disable is Permissive, and the
// mode of a port counts only where Istio makes a rule for ztunnel of it.
// Source: istio pilot/pkg/serviceregistry/ambient/authorization.go, convertedSelectorPeerAuthentications (which rules the workload
// gets) and convertPeerAuthentication (what is in them).
func (l peerLevels) ztunnelAcceptance() Acceptance {
	acceptance := l.sidecarAcceptance()
	acceptance.Ports = nil
	acceptance.Workload.Mode = ztunnelMode(acceptance.Workload.Mode)
	mode := acceptance.Workload.Mode
	if !l.portRulesAttached(mode) {
		return acceptance
	}
	if l.portRulesLost() {
		acceptance.Workload = Accepted{Mode: permissive, Origin: Origin{Object: peerRef(l.workload), Field: "spec.portLevelMtls"}}
		return acceptance
	}
	for _, port := range portsOf(l.workload) {
		own := portMode(l.workload, port)
		if own == "" || ztunnelMode(own) == mode {
			continue
		}
		accepted := Accepted{Mode: ztunnelMode(own), Origin: portOrigin(l.workload, port)}
		acceptance.Ports = append(acceptance.Ports, AcceptedPort{Port: int32(port), Accepted: accepted})
	}
	return acceptance
}

func ztunnelMode(mode meshtlsv1alpha1.AcceptMode) meshtlsv1alpha1.AcceptMode {
	if mode == strict {
		return strict
	}
	return permissive
}

// portRulesAttached reports whether the workload gets the rule made of its port modes in place of the general one: where a port
// differs from the rest. Under a parent's STRICT, DISABLE at a port does not count as different, PERMISSIVE does.
func (l peerLevels) portRulesAttached(mode meshtlsv1alpha1.AcceptMode) bool {
	for _, port := range portsOf(l.workload) {
		switch own := portMode(l.workload, port); {
		case mode == permissive && own == strict,
			mode == strict && own == permissive,
			mode == strict && own == disable && modeOf(l.workload) == strict:
			return true
		}
	}
	return false
}

// portRulesLost foresees two gaps in Istio, both where the mesh is STRICT and nothing is said for the namespace. The rule made of
// the port modes comes out empty, while the workload no longer gets the general one, so nothing refuses plaintext:
//   - the workload says nothing either, but there is a PeerAuthentication for the namespace, without a mode: the exemptions are left
//     out, since only the absence of one passes for the mesh's mode;
//   - the workload says PERMISSIVE or DISABLE: its STRICT ports are left out, as if the mesh's mode were in force for them.
//
// Source: istio pilot/pkg/serviceregistry/ambient/authorization.go, convertPeerAuthentication, the cases of the two kinds of ports.
func (l peerLevels) portRulesLost() bool {
	if modeOf(l.mesh) != strict || modeOf(l.namespace) != "" {
		return false
	}
	switch modeOf(l.workload) {
	case "":
		return l.namespace != nil
	case strict:
		return false
	default:
		return true
	}
}
