package screens

import (
	"slices"

	"github.com/meshtls/meshtls/internal/evidence"
	"github.com/meshtls/meshtls/internal/explain"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/traffic"
)

// mends reports whether the change makes mutual TLS of the calls that traffic showed: the client's proxy sends plaintext because the
// configuration asks it to, such as that of a port that is Disable, and uses mutual TLS after the change. Where it would use mutual TLS
// today already, the calls go by another way than the Services in front, and the change mends nothing.
func (c transition) mends(seen evidence.Call) bool {
	clients := traffic.Named(c.before, seen.Client)
	mended := false
	for _, client := range clients {
		if client.Dataplane == model.DataplaneNone {
			return false
		}
		for _, server := range c.of.pods() {
			for _, now := range c.callsAt(client, server, seen) {
				if !c.becomesMutual(now, server) {
					return false
				}
				mended = true
			}
		}
	}
	return mended
}

// callsAt returns the client's calls that arrive at the port that traffic showed, or at one that it may have been.
func (c transition) callsAt(client, server *model.Workload, seen evidence.Call) []mesh.Call {
	var all []mesh.Call
	for _, d := range c.before.InFront(server.Namespace, server.Labels) {
		for _, port := range d.Declared {
			if target, known := port.Target(server); known && isAt(seen, target) {
				all = append(all, c.before.CallsOf(client, d, port)...)
			}
		}
	}
	return all
}

// isAt reports whether the call came, or may have come, to the port.
func isAt(seen evidence.Call, port int32) bool {
	return seen.Port == port || seen.Port == 0 && (len(seen.Candidates) == 0 || slices.Contains(seen.Candidates, port))
}

// becomesMutual reports whether the call is plaintext before the change, and mutual TLS after it. One that leads elsewhere is neither.
func (c transition) becomesMutual(call mesh.Call, server *model.Workload) bool {
	now, reached := outcomeAt(c.before, call, server)
	if !reached || now.Kind != istio.Plaintext {
		return false
	}
	then, reached := outcomeAt(c.after, call, server)
	return reached && then.Kind == istio.MutualTLS
}

// wasDisable reports whether the call came, or may have come, to a port that is Disable before the change.
func (c transition) wasDisable(seen evidence.Call) bool {
	return slices.ContainsFunc(c.ports, func(e Effect) bool { return isAt(seen, e.Port) && e.Before == explain.AcceptsDisable })
}
