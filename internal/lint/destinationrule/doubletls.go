package destinationrule

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
			Name:     "destinationrule-double-tls",
			Severity: []lint.Severity{lint.Warning, lint.Info},
			Classes:  []string{"M31"},
			Finds: "`SIMPLE` or `MUTUAL` of sidecars for a port that is declared `HTTPS` or `TLS`. An info where a VirtualService " +
				"routes to the host: it may bring HTTP from another port.",
			Why: "The declaration says that applications speak TLS there. The sidecar wraps that in TLS once more, and the server " +
				"ends only one of the two.",
			Fix: "Remove the `tls`. Or let applications speak HTTP: declare a port 80 as `HTTP` with `targetPort: 443`.",
		},
		Ours: true,
		InPolicy: "Send Auto if applications speak TLS themselves; if sidecars are to do it, declare the port HTTP, with the " +
			"targetPort of the server's TLS.",
		Find: doubleTLS,
	})
}

// doubleTLS tells of TLS that sidecars put around the TLS that the port is declared to carry. Gateways are left out:
// what they send there is what they have decrypted. Where a route names the host, it may bring HTTP from another port to this one.
// Source: istio pilot/pkg/networking/core/cluster_tls.go, buildUpstreamClusterTLSContext: the port's protocol is not looked at.
func doubleTLS(v *mesh.View) []model.Finding {
	wrapped := func(o outcome) bool {
		return !o.Call.Client.Gateway && o.sendsCustom() && istio.SpeaksTLS(o.Call.Port.Protocol)
	}
	var findings []model.Finding
	for _, rule := range v.DestinationRules() {
		if !saysMode(rule, custom) {
			continue
		}
		for _, o := range outcomesOf(v, rule, question{at: anywhere, wanted: wrapped}) {
			severity := lint.Warning
			if v.HostNamed(o.Call.Destination.Name) {
				severity = lint.Info
			}
			f := lint.Finding(severity, model.KindDestinationRule, rule, o.field())
			f.Message = fmt.Sprintf("The mode is %s for %s, which is declared %s: if applications speak TLS there, sidecars wrap it in TLS "+
				"once more, and the server undoes one of the two.%s", o.mode(), o.where(), o.Call.Port.Protocol, o.same())
			f.Remedy = "Remove tls if applications speak TLS themselves; if sidecars are to do it, declare the port HTTP, with the targetPort " +
				"of the server's TLS."
			findings = append(findings, f)
		}
	}
	return findings
}
