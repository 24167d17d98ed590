package destinationrule

import (
	"fmt"
	"slices"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "destinationrule-tls-to-plain-port",
			Severity: []lint.Severity{lint.Warning},
			Finds: "`SIMPLE` or `MUTUAL` toward port 80 of a host outside the mesh, or of pods without a proxy, that is declared HTTP and leads " +
				"to port 80.",
			Why: "TLS goes to the port where servers speak plain HTTP, and the handshake fails. Most often applications are to call port 80 and " +
				"the sidecar is to go on to 443, and the ServiceEntry lacks the `targetPort`.",
			Fix: "Set `targetPort: 443` at the port.",
		},
		Ours: true,
		Find: tlsToPlainPort,
	})
}

// tlsToPlainPort finds TLS that goes to the port of plain HTTP.
// Source: istio pilot/pkg/networking/core/cluster_tls.go, buildUpstreamClusterTLSContext: the port's number is not looked at.
func tlsToPlainPort(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for _, rule := range v.DestinationRules() {
		if !saysMode(rule, custom) {
			continue
		}
		for _, o := range outcomesOf(v, rule, question{at: anywhere, wanted: leadsToPort80}) {
			f := lint.Finding(lint.Warning, model.KindDestinationRule, rule, o.field())
			f.Message = fmt.Sprintf("The mode is %s for %s, which is declared %s and leads to port 80, where servers speak plain HTTP: the "+
				"handshake fails.%s", o.mode(), o.where(), o.Call.Port.Protocol, o.same())
			f.Remedy = fmt.Sprintf("Set targetPort: 443 at the port in %s, if the server speaks TLS there.", o.Call.Destination.Ref())
			findings = append(findings, f)
		}
	}
	return findings
}

// leadsToPort80 reports whether TLS leaves the client for the port of plain HTTP.
func leadsToPort80(o outcome) bool {
	port := o.Call.Port
	if !o.sendsCustom() || !istio.SpeaksHTTP(port.Protocol) {
		return false
	}
	if o.Server != nil {
		return o.Server.Port == httpPort && o.Server.Dataplane == model.DataplaneNone
	}
	target := port.Entry.GetTargetPort()
	return o.Call.Destination.External && port.Entry != nil && port.Number == httpPort && (target == 0 || target == httpPort) &&
		!translatesPorts(o.Call.Destination.Entry)
}

// httpPort is where servers speak plain HTTP.
const httpPort = 80

// translatesPorts reports whether endpoints of the ServiceEntry have ports of their own.
func translatesPorts(entry *istionetworkingv1.ServiceEntry) bool {
	return slices.ContainsFunc(entry.Spec.GetEndpoints(), func(e *networkingapi.WorkloadEntry) bool { return len(e.GetPorts()) > 0 })
}
