package mesh

import (
	"strings"

	"github.com/meshtls/meshtls/internal/model"
)

// OptsOut reports whether labels of the pods keep them out of the mesh.
func OptsOut(w *model.Workload) bool {
	return strings.EqualFold(w.Labels[model.LabelInject], "false") || w.Labels[model.LabelDataplaneMode] == "none"
}

// Obstacle is why a workload's pods do not carry a setting; empty: they do.
type Obstacle string

const (
	// NoProxy: the pods have no proxy, and nothing else reads the setting for them.
	NoProxy Obstacle = "NoProxy"
	// Ztunnel: the node's ztunnel, which reads no DestinationRules.
	Ztunnel Obstacle = "Ztunnel"
	// Uncaught: connections are not led to the pods' sidecar (interception mode NONE).
	Uncaught Obstacle = "Uncaught"
	// Proxyless: the pods' gRPC library, which knows mutual TLS and plaintext and nothing between.
	Proxyless Obstacle = "Proxyless"
	// Waypoint: the pods are a waypoint.
	Waypoint Obstacle = "Waypoint"
	// GatewayServers: the pods are a gateway, whose own servers decide what they accept.
	GatewayServers Obstacle = "GatewayServers"
	// NoGateway: the pods have a sidecar, which opens no servers of Gateways.
	NoGateway Obstacle = "NoGateway"
	// OtherRevision: the pods' control plane does not read what is labelled with the setting's revision.
	OtherRevision Obstacle = "OtherRevision"
)

// AcceptObstacle returns why PeerAuthentications do not decide what the pods accept.
// Source: istio pilot/pkg/networking/core/listener.go, BuildListeners: a router's listeners come from Gateways alone.
func AcceptObstacle(w *model.Workload) Obstacle {
	switch {
	case w.Dataplane == model.DataplaneNone:
		return NoProxy
	case w.Gateway:
		return GatewayServers
	default:
		return commonObstacle(w)
	}
}

// commonObstacle returns what keeps settings of either direction from being carried.
func commonObstacle(w *model.Workload) Obstacle {
	switch {
	case w.Dataplane == model.DataplaneProxyless:
		return Proxyless
	case w.Dataplane == model.DataplaneWaypoint:
		return Waypoint
	case w.Dataplane == model.DataplaneSidecar && !w.Gateway && w.Interception == model.InterceptionNone:
		return Uncaught
	default:
		return ""
	}
}

// SendObstacle returns why DestinationRules do not decide what the pods send.
func SendObstacle(w *model.Workload) Obstacle {
	switch w.Dataplane {
	case model.DataplaneNone:
		return NoProxy
	case model.DataplaneAmbient:
		return Ztunnel
	default:
		return commonObstacle(w)
	}
}

// ServerObstacle returns why the pods do not open the servers of a Gateway that selects them.
// Source: istio pilot/pkg/model/push_context.go, mergeGateways, which is asked for routers only.
func ServerObstacle(w *model.Workload) Obstacle {
	switch {
	case w.Dataplane == model.DataplaneNone:
		return NoProxy
	case !w.Gateway || !ReadsRules(w):
		return NoGateway
	default:
		return ""
	}
}

// ServedBy returns the revision of the control plane that serves the pods, and whether anything says so.
func ServedBy(v *View, w *model.Workload) (revision string, said bool) {
	revision = v.Revisions().OfPods(w, v.Namespace(w.Namespace).Labels)
	return revision, revision != "" || w.Revision != ""
}
