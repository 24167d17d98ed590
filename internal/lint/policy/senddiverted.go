package policy

import (
	"fmt"
	"slices"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	add(lint.About{
		Name:     "send-diverted",
		Severity: []lint.Severity{lint.Warning},
		Finds: "a host whose calls by the policy's sidecars a VirtualService routes to another host, all of them or some. What the policy says " +
			"of the host does not govern these.",
		Why: "TLS is that of the destination where a call ends up. A host that is routed away is called by nobody.",
		Fix: "Send to the host that the message names, too, or change the route.",
	}, sendDiverted)
}

// sendDiverted finds hosts of sends whose calls end up at other hosts.
// Source: istio pilot/pkg/networking/core/route/route.go, GetDestinationCluster: the cluster is the destination's.
func sendDiverted(w world) []model.Finding {
	var findings []model.Finding
	for _, h := range w.sentHosts {
		client, calls := w.callerOf(*h.subject)
		if !calls || hosts.IsWildcard(h.host) {
			continue
		}
		for _, at := range w.mesh().CallableAt(h.host, client.Namespace) {
			if !asksFor(*h.send, at.Port.Number) {
				continue
			}
			if f, diverted := w.diverted(h, client, at); diverted {
				findings = append(findings, f)
				break
			}
		}
	}
	return findings
}

// callerOf returns the first pod of the policy's target whose sidecar follows routes.
func (w world) callerOf(s subject) (*model.Workload, bool) {
	for _, pod := range w.targetPods(s) {
		if mesh.SendObstacle(pod) == "" && !pod.Gateway {
			return pod, true
		}
	}
	return nil, false
}

// asksFor reports whether the entry says what is sent to the port.
func asksFor(send meshtlsv1alpha1.Send, port int32) bool {
	mode := modeAt(send, port)
	return mode != "" && mode != meshtlsv1alpha1.SendAuto
}

// diverted returns the finding that calls of the port go to other hosts.
func (w world) diverted(h sentHost, client *model.Workload, at mesh.Callable) (model.Finding, bool) {
	calls := w.mesh().CallsOf(client, at.Destination, at.Port)
	elsewhere := slices.DeleteFunc(slices.Clone(calls), func(c mesh.Call) bool { return c.Via == nil || c.Host == h.host })
	if len(elsewhere) == 0 {
		return model.Finding{}, false
	}
	which := "Calls"
	if len(elsewhere) < len(calls) {
		which = "Some calls"
	}
	route := model.RefOf(model.KindVirtualService, elsewhere[0].Via.Route.Of)
	f := h.subject.about(lint.Warning, h.field)
	f.Related = route
	f.Message = fmt.Sprintf("%s of port %d of %s go to %s, by %s: what the policy says of %s does not govern them.",
		which, at.Port.Number, h.host, elsewhere[0].Host, route, h.host)
	f.Remedy = fmt.Sprintf("Send to %s, too, or change the route.", elsewhere[0].Host)
	return f, true
}
