package destinationrule

import (
	"fmt"
	"slices"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "destinationrule-subset-not-routed",
			Severity: []lint.Severity{lint.Warning},
			Classes:  []string{"M24"},
			Finds: "a subset with `tls` that no VirtualService names. It says nothing where no VirtualService is known, or a gateway " +
				"takes subsets from SNI (`AUTO_PASSTHROUGH`).",
			Why: "The settings of a subset are for calls that a route sends to it.",
			Fix: "Route to the subset, or move the `tls` up.",
		},
		Find: subsetNotRouted,
	})
}

// subsetNotRouted tells of subsets with TLS that no route names: the TLS of a subset is used by those whom a route sends
// there. It needs to see some routes, and no gateway that takes subsets from the names in TLS, as the ones between clusters do.
// Source: istio pilot/pkg/networking/core/route/route.go, GetDestinationCluster.
func subsetNotRouted(v *mesh.View) []model.Finding {
	if v.Partial() || len(v.VirtualServices()) == 0 || slices.ContainsFunc(v.Gateways(), takesSubsetsFromNames) {
		return nil
	}
	var findings []model.Finding
	for _, rule := range v.DestinationRules() {
		for i, subset := range rule.Spec.Subsets {
			if !mesh.SaysTLS(subset.TrafficPolicy) || v.SubsetNamed(v.HostOf(rule), subset.Name) {
				continue
			}
			f := lint.Finding(lint.Warning, model.KindDestinationRule, rule, fmt.Sprintf("spec.subsets[%d].trafficPolicy", i))
			f.Message = fmt.Sprintf("The TLS of subset %s is used by nobody: no VirtualService sends to it.", subset.Name)
			f.Remedy = "Route to the subset, or move its tls to spec.trafficPolicy if it is meant for all calls of the host."
			findings = append(findings, f)
		}
	}
	return findings
}

func takesSubsetsFromNames(gateway *istionetworkingv1.Gateway) bool {
	return slices.ContainsFunc(gateway.Spec.Servers, func(s *networkingapi.Server) bool {
		return s.GetTls().GetMode() == networkingapi.ServerTLSSettings_AUTO_PASSTHROUGH
	})
}
