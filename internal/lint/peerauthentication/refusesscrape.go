package peerauthentication

import (
	"fmt"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "peerauthentication-refuses-scrape",
			Severity: []lint.Severity{lint.Warning},
			Classes:  []string{"M05"},
			Finds: "a `STRICT` port at which annotations (`prometheus.io/scrape`, `prometheus.io/port`) ask Prometheus to read " +
				"metrics over plain HTTP, on pods whose metrics Istio does not merge. ServiceMonitors and PodMonitors are not " +
				"looked at.",
			Why: "Prometheus mostly has no proxy, and calls the pods by address. It is refused, and the metrics are missing.",
			Fix: "Let the port accept `PERMISSIVE`, let Istio merge the metrics, or give Prometheus a certificate of the mesh.",
		},
		Ours:     true,
		InPolicy: "Let the port accept Permissive, or have Istio merge the metrics (prometheus.istio.io/merge-metrics).",
		Find:     refusesScrape,
	})
}

// refusesScrape tells of a STRICT port at which annotations ask Prometheus to read the metrics over plain HTTP. The
// agent of the proxy could serve them instead, but the injector was told not to have it do so.
// Source: istio pkg/kube/inject/webhook.go, applyPrometheusMerge.
func refusesScrape(v *mesh.View) []model.Finding {
	refused := mesh.StrictPorts{}
	for _, w := range v.Workloads() {
		if w.Scraped == 0 || w.Dataplane != model.DataplaneSidecar || !w.Captures(w.Scraped) {
			continue
		}
		if at, strict := mesh.StrictAt(v, w, w.Scraped); strict {
			refused[at] = append(refused[at], w)
		}
	}
	var findings []model.Finding
	for _, at := range refused.InOrder() {
		f := about(at)
		f.Message = fmt.Sprintf("Annotations of %s ask Prometheus to read the metrics at port %d over plain HTTP, and the port accepts "+
			"mutual TLS only: Prometheus is refused unless it shows a certificate of the mesh.", lint.CountPods(refused[at]), at.Port)
		f.Remedy = fmt.Sprintf("Let port %d accept PERMISSIVE, or have Istio merge the metrics (prometheus.istio.io/merge-metrics).", at.Port)
		findings = append(findings, f)
	}
	return findings
}
