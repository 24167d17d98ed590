package peerauthentication

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/sets"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "peerauthentication-misses-uncaptured-port",
			Severity: []lint.Severity{lint.Error, lint.Warning},
			Classes:  []string{"M51"},
			Finds: "a port under `STRICT` that annotations of the pods keep from the proxy, if the pods declare it or a Service " +
				"leads to it. An error where the setting is for single workloads, and no port that is known reaches the proxy " +
				"under it. Ports that a webhook is called at, or Prometheus by annotation, are meant for callers without a " +
				"proxy, and are passed over.",
			Why: "What does not reach the proxy is not refused by it: the port accepts plaintext.",
			Fix: "Remove the port from the annotation. If it is to accept plaintext, say so where people look: `PERMISSIVE` for " +
				"that port.",
		},
		Ours:   true,
		Reason: meshtlsv1alpha1.ReasonNotCarried,
		Find:   missesUncapturedPort,
	})
}

// missesUncapturedPort tells of a STRICT port that annotations keep from the proxy, which is who would refuse plaintext.
// Source: istio tools/istio-iptables/pkg/capture/run.go, handleInboundPortsInclude.
func missesUncapturedPort(v *mesh.View) []model.Finding {
	open, enforced := mesh.StrictPorts{}, sets.New[istio.Origin]()
	for _, w := range v.Workloads() {
		for _, port := range mesh.ServedPorts(v, w) {
			at, strict := mesh.StrictAt(v, w, port)
			switch {
			case !strict || mesh.ProxyPorts.Has(port):
			case !w.Captures(port):
				if !mesh.ForOutsiders(v, w, port) && !declaredTLS(v, w, port) {
					open[at] = append(open[at], w)
				}
			case mesh.AcceptObstacle(w) == "":
				enforced.Insert(at.Origin)
			}
		}
	}
	peers := peersByRef(v)
	var findings []model.Finding
	for _, at := range open.InOrder() {
		f := about(at)
		if !enforced.Has(at.Origin) && len(peerSelector(peers[at.Origin.Object])) > 0 {
			f.Severity = lint.Error
		}
		f.Message = fmt.Sprintf("It says STRICT, but annotations of %s keep port %d from the proxy: whatever it is sent in "+
			"plaintext, it accepts.",
			lint.CountPods(open[at]), at.Port)
		f.Remedy = "Take the port out of traffic.sidecar.istio.io/excludeInboundPorts, or into includeInboundPorts."
		findings = append(findings, f)
	}
	return findings
}

// declaredTLS reports whether a Service declares that applications speak TLS of their own at the port of the pods.
func declaredTLS(v *mesh.View, w *model.Workload, port int32) bool {
	return slices.ContainsFunc(v.ServicePorts(w), func(p mesh.ServicePort) bool { return p.Target == port && istio.SpeaksTLS(p.Protocol) })
}
