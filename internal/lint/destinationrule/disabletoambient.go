package destinationrule

import (
	"fmt"

	networkingapi "istio.io/api/networking/v1alpha3"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "destinationrule-disable-to-ambient",
			Severity: []lint.Severity{lint.Warning},
			Finds:    "`DISABLE` of sidecars or gateways toward pods in ambient mode.",
			Why: "Proxies reach such pods through the tunnel of ztunnel (HBONE), which is mutual TLS, whatever a DestinationRule says. Nothing " +
				"fails, and nothing leaves in plaintext.",
			Fix: "Remove the `tls`.",
		},
		Ours:     true,
		InPolicy: "Remove the entry, or send Auto: Disable has no effect on these pods.",
		Find:     disableToAmbient,
	})
}

// disableToAmbient finds rules for plaintext toward pods that proxies reach through ztunnel's tunnel.
// Source: istio pilot/pkg/xds/endpoints/endpoint_builder.go, buildEnvoyLbEndpoint; pilot/pkg/networking/core/cluster_tls.go,
// applyHBONETransportSocketMatches.
func disableToAmbient(v *mesh.View) []model.Finding {
	tunnelled := func(o outcome) bool {
		tunnel := o.Kind == istio.MutualTLS && o.Sent.Mode == meshtlsv1alpha1.SendIstioMutual
		return o.Server != nil && tunnel && o.mode() == networkingapi.ClientTLSSettings_DISABLE
	}
	var findings []model.Finding
	for _, rule := range v.DestinationRules() {
		if !saysMode(rule, isMode(networkingapi.ClientTLSSettings_DISABLE)) {
			continue
		}
		for _, o := range outcomesOf(v, rule, question{at: anywhere, wanted: tunnelled}) {
			f := lint.Finding(lint.Warning, model.KindDestinationRule, rule, o.field())
			f.Message = fmt.Sprintf("The mode is DISABLE for %s. There %s is in ambient mode: proxies reach it through ztunnel's tunnel (HBONE), "+
				"which is mutual TLS all the same.%s", o.where(), o.endpoint(), o.same())
			f.Remedy = "Remove tls: it has no effect on these pods."
			findings = append(findings, f)
		}
	}
	return findings
}
