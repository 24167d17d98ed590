package gateway

import (
	"fmt"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "gateway-server-left-out",
			Severity: []lint.Severity{lint.Error},
			Classes:  []string{"M36", "M37"},
			Finds: "a server that Istio leaves out at pods that the Gateway selects, because an older one has a host of it, or the " +
				"port with another protocol.",
			Why: "Istio merges the Gateways of all namespaces that select a pod, oldest first, and drops the second server of a " +
				"host as a whole. It says so nowhere but in its log.",
			Fix: "Keep the host in one of them, or use another port or bind.",
		},
		Find: serverLeftOut,
	})
}

// serverLeftOut finds servers that Istio leaves out when it merges the Gateways of all namespaces that select a pod, oldest first. For a
// Gateway whose pods are not known it asks what a pod with just its labels would get.
// Source: istio pilot/pkg/model/gateway.go, mergeGateways.
func serverLeftOut(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for _, d := range mesh.DroppedServers(v, append(mesh.PodsOfGateways(v), imagined(v)...)) {
		f := about(mesh.ServerOf(d.Server), lint.Error, "")
		f.Message = "The gateway pods do not get it: " + d.Why
		if d.Pod.Example != "" {
			f.Message = fmt.Sprintf("The gateway pods do not get it (%s/%s is one): %s", d.Pod.Namespace, d.Pod.Example, d.Why)
		}
		f.Remedy = d.Remedy()
		if sameAge(d.Dropped) {
			f.Message += " Neither Gateway says here when it was created; the younger one's server is left out."
		}
		findings = append(findings, f)
	}
	return findings
}

// sameAge reports whether the objects do not say which one is older, as in files.
func sameAge(d istio.Dropped) bool {
	return d.Reason != istio.DropManaged && d.By.Ref() != d.Server.Ref() &&
		d.By.Gateway.CreationTimestamp.IsZero() && d.Server.Gateway.CreationTimestamp.IsZero()
}

// imagined returns a pod for each Gateway whose pods are not known.
func imagined(v *mesh.View) []*model.Workload {
	var workloads []*model.Workload
	for _, g := range v.Gateways() {
		if len(v.ProxiesOf(g)) == 0 {
			workloads = append(workloads, &model.Workload{Labels: g.Spec.Selector, Dataplane: model.DataplaneSidecar, Gateway: true})
		}
	}
	return workloads
}
