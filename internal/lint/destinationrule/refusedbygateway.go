package destinationrule

import (
	"fmt"
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "destinationrule-refused-by-gateway",
			Severity: []lint.Severity{lint.Error},
			Finds: "TLS settings toward the pods of a gateway none of whose servers takes what clients send: no server at the port is for " +
				"the server name (SNI), or its mode does not fit. A port of the gateway's Service that has no server counts only where no " +
				"port has one that the same settings are for.",
			Why: "Without `sni`, clients that use `ISTIO_MUTUAL` ask for Istio's own name of the destination, such as " +
				"`outbound_.443_._.egress.istio-egress.svc.cluster.local`. A gateway chooses the server by that name.",
			Fix: "Set `sni` to a host of the server, and a mode that the server takes.",
		},
		Ours:     true,
		InPolicy: "Send with the sni of a host of the gateway's server, and with a mode that the server takes.",
		Find:     refusedByGateway,
	})
}

// refusedByGateway finds DestinationRules whose TLS no server of a gateway takes. Of a part of a mesh the servers are not known.
func refusedByGateway(v *mesh.View) []model.Finding {
	if v.Partial() {
		return nil
	}
	var findings []model.Finding
	for _, rule := range v.DestinationRules() {
		found := map[string]bool{}
		outcomes := atGateways(v, rule)
		served := servedFields(outcomes)
		for _, o := range outcomes {
			refused := o.Kind == istio.Refused && o.Sent.Mode != meshtlsv1alpha1.SendDisable
			if !refused || !decides(rule, o) || found[o.field()] || o.NoServer && served[o.field()] {
				continue
			}
			found[o.field()] = true
			f := lint.Finding(lint.Error, model.KindDestinationRule, rule, o.field())
			f.Message = fmt.Sprintf("Every call of %s is refused. %s", o.where(), o.Why)
			f.Remedy = "Set sni to a host of the gateway's server, with a mode that the server takes."
			findings = append(findings, f)
		}
	}
	return findings
}

// servedFields returns the fields whose settings are for a port at which the gateway has a server. At its other ports no settings would
// be taken, so they say nothing against these.
func servedFields(outcomes []outcome) map[string]bool {
	served := map[string]bool{}
	for _, o := range outcomes {
		if !o.NoServer {
			served[o.field()] = true
		}
	}
	return served
}

// atGateways returns the outcomes, at gateways, of the calls that the rule governs.
func atGateways(v *mesh.View, rule *istionetworkingv1.DestinationRule) []outcome {
	var all []outcome
	for _, d := range v.Destinations().Under(v.HostOf(rule)) {
		if !slices.ContainsFunc(v.Behind(d), func(w *model.Workload) bool { return w.Gateway }) {
			continue
		}
		for _, call := range mesh.GovernedCalls(v, rule, d) {
			for _, o := range v.Outcomes(call) {
				if o.AtGateway {
					all = append(all, outcome{Outcome: &o})
				}
			}
		}
	}
	return all
}
