package peerauthentication

import (
	"fmt"
	"slices"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "peerauthentication-refuses-probes",
			Severity: []lint.Severity{lint.Error},
			Classes:  []string{"M05"},
			Finds: "a `STRICT` port at which the kubelet probes the pods by HTTP or gRPC, where annotations keep Istio from leading the probes to " +
				"its agent (`sidecar.istio.io/rewriteAppHTTPProbers: \"false\"`). Probes that only connect are answered by the " +
				"sidecar, and passed over.",
			Why: "The kubelet has no certificate of the mesh. Its probes fail: the pods are never ready, or are restarted over and over.",
			Fix: "Remove the annotation, let the port accept `PERMISSIVE`, or keep it from the proxy (`excludeInboundPorts`).",
		},
		Ours:     true,
		InPolicy: "Remove the annotation sidecar.istio.io/rewriteAppHTTPProbers, or let the port accept Permissive.",
		Find:     refusesProbes,
	})
}

// refusesProbes finds strict ports at which the kubelet probes pods without the help of Istio's agent.
// Source: istio pkg/kube/inject/app_probe.go, ShouldRewriteAppHTTPProbers.
func refusesProbes(v *mesh.View) []model.Finding {
	refused, kinds := mesh.StrictPorts{}, map[mesh.StrictPort]string{}
	for _, w := range v.Workloads() {
		if w.Dataplane != model.DataplaneSidecar {
			continue
		}
		for _, probe := range w.Probes {
			at, strict := mesh.StrictAt(v, w, probe.Port)
			if !strict || probe.Handler == "tcpSocket" || !w.Captures(probe.Port) || holdsPod(refused[at], w) {
				continue
			}
			refused[at] = append(refused[at], w)
			kinds[at] = probe.Kind
		}
	}
	var findings []model.Finding
	for _, at := range refused.InOrder() {
		f := about(at)
		f.Severity = lint.Error
		f.Message = fmt.Sprintf("The kubelet's %s probe of %s goes to port %d as it is written, and the port accepts mutual TLS only: the "+
			"kubelet has no certificate of the mesh, and the probe fails.", kinds[at], lint.CountPods(refused[at]), at.Port)
		f.Remedy = fmt.Sprintf("Remove the annotation sidecar.istio.io/rewriteAppHTTPProbers, or let port %d accept PERMISSIVE.", at.Port)
		findings = append(findings, f)
	}
	return findings
}

// holdsPod reports whether the pods are among them.
func holdsPod(all []*model.Workload, w *model.Workload) bool {
	return slices.ContainsFunc(all, func(other *model.Workload) bool { return other.Namespace == w.Namespace && other.Example == w.Example })
}
