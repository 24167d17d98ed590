package traffic

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meshtls/meshtls/internal/evidence"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// Explain returns the observation with the reasons for each refusable call.
func Explain(v *mesh.View, o evidence.Observation) evidence.Observation {
	explained := make([]evidence.Call, 0, len(o.Refusable))
	for _, c := range o.Refusable {
		c.Why = Reasons(v, c)
		explained = append(explained, c)
	}
	if len(explained) > 0 {
		o.Refusable = explained
	}
	return o
}

// Reasons says, as full sentences, why the call is not mutual TLS of the mesh, as far as the configuration of today tells.
func Reasons(v *mesh.View, c evidence.Call) []string {
	if !c.Client.Known() {
		return candidates(v, c)
	}
	clients := Named(v, c.Client)
	servers := Named(v, c.Server)
	switch {
	case len(clients) == 0:
		return []string{"There is no pod of it any more: it is a job that has ended, or it was deleted."}
	case !slices.ContainsFunc(clients, hasProxy):
		return []string{"Its pods have no proxy: give them a sidecar, or label the namespace for ambient mode."}
	}
	var reasons []string
	for _, client := range clients {
		if !hasProxy(client) {
			reasons = append(reasons, "Some of its pods have no proxy.")
			continue
		}
		reasons = append(reasons, ofClient(v, client, servers)...)
	}
	slices.Sort(reasons)
	if reasons = slices.Compact(reasons); len(reasons) > 0 {
		return reasons
	}
	return []string{"Its proxy would use mutual TLS for the Services in front: it calls an address that its proxy does not know as theirs, " +
		"such as a pod's, or its pods had no proxy then."}
}

// Named returns the pods of a workload by the name that metrics have for it.
func Named(v *mesh.View, name evidence.Workload) []*model.Workload {
	var found []*model.Workload
	for _, w := range v.Workloads() {
		of := func(p model.Pod) bool { return NameOf(p) == name.Name }
		if w.Namespace == name.Namespace && slices.ContainsFunc(w.Pods, of) {
			found = append(found, w)
		}
	}
	return found
}

// hasProxy reports whether something of the mesh sends for the pods.
func hasProxy(w *model.Workload) bool { return w.Dataplane != model.DataplaneNone }

// ofClient finds what in the configuration makes the client's proxy send something else to a port of the servers.
func ofClient(v *mesh.View, client *model.Workload, servers []*model.Workload) []string {
	var reasons []string
	for _, d := range inFront(v, servers) {
		for _, port := range d.Declared {
			if slices.Contains(client.Outbound.ExcludePorts, port.Number) {
				reasons = append(reasons, fmt.Sprintf("An annotation keeps what it sends to port %d from its proxy.", port.Number))
				continue
			}
			for _, call := range v.CallsOf(client, d, port) {
				reasons = append(reasons, ofCall(v, call, servers)...)
			}
		}
	}
	return reasons
}

// inFront returns the Services and ServiceEntries that lead to the servers.
func inFront(v *mesh.View, servers []*model.Workload) []*destinations.Destination {
	var labels []map[string]string
	for _, s := range servers {
		labels = append(labels, s.Labels)
	}
	if len(servers) == 0 {
		return nil
	}
	return v.InFront(servers[0].Namespace, labels...)
}

// ofCall says why what becomes of a call at one of the servers is not mutual TLS.
func ofCall(v *mesh.View, call mesh.Call, servers []*model.Workload) []string {
	var reasons []string
	for _, o := range v.Outcomes(call) {
		at := o.Server != nil && slices.ContainsFunc(servers, func(s *model.Workload) bool {
			return s.Namespace == o.Server.Namespace && s.Example == o.Server.Example
		})
		if at && (o.Kind == istio.Plaintext || o.Kind == istio.ServerTLS || o.Kind == istio.DoubleTLS) {
			reasons = append(reasons, o.Why)
		}
	}
	return reasons
}

// most is how many names a sentence has.
const most = 5

// candidates are who may call without a name.
func candidates(v *mesh.View, c evidence.Call) []string {
	servers := Named(v, c.Server)
	var reasons []string
	for _, s := range servers {
		if s.Scraped != 0 && mayBe(c, s.Scraped) {
			reasons = append(reasons, fmt.Sprintf("It may be Prometheus: annotations ask it to read port %d over plain HTTP.", s.Scraped))
		}
	}
	for _, hook := range v.Webhooks() {
		if slices.ContainsFunc(v.ServicePorts(servers...), func(p mesh.ServicePort) bool { return calls(hook, p) && mayBe(c, p.Target) }) {
			reasons = append(reasons, fmt.Sprintf("It may be the API server, which has no certificate of the mesh: %s %s leads here.",
				hook.Kind, hook.Configuration))
		}
	}
	if bare := withoutProxy(v, c.Server.Namespace); len(bare) > 0 {
		reasons = append(reasons, fmt.Sprintf("It may be one of the pods without a proxy: %s.", few(bare)))
	}
	slices.Sort(reasons)
	return slices.Compact(reasons)
}

func calls(hook model.Webhook, p mesh.ServicePort) bool {
	return hook.Service.Namespace == p.Service.Namespace && hook.Service.Name == p.Service.Name && hook.Port == p.Port
}

// mayBe reports whether the call may have come to the port.
func mayBe(c evidence.Call, port int32) bool {
	return c.Port == port || c.Port == 0 && (len(c.Candidates) == 0 || slices.Contains(c.Candidates, port))
}

// withoutProxy returns the workloads without a proxy, those of the namespace first.
func withoutProxy(v *mesh.View, namespace string) []string {
	var near, far []string
	for _, w := range v.Workloads() {
		if hasProxy(w) {
			continue
		}
		for _, pod := range w.Pods {
			name := w.Namespace + "/" + NameOf(pod)
			if w.Namespace == namespace {
				near = append(near, name)
			} else {
				far = append(far, name)
			}
		}
	}
	slices.Sort(near)
	slices.Sort(far)
	return slices.Concat(slices.Compact(near), slices.Compact(far))
}

// few names the first ones, and counts the others.
func few(names []string) string {
	if more := len(names) - most; more > 0 {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(names, ", ")
}
