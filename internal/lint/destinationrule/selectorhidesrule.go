package destinationrule

import (
	"fmt"
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "destinationrule-selector-hides-rule",
			Severity: []lint.Severity{lint.Warning},
			Classes:  []string{"M20"},
			Finds: "a rule with a `workloadSelector` because of which other pods of its namespace lose a rule of the host's or the " +
				"root namespace.",
			Why: "In a namespace that has any rule for the host Istio looks no further, even for pods that no rule there selects.",
			Fix: "Put a copy of the lost rule beside it, without `workloadSelector` and without `exportTo`.",
		},
		Find: selectorHidesRule,
	})
}

// selectorHidesRule tells of rules for some pods that take from the namespace's other pods the rule that they had:
// in a namespace that has any for the host Istio looks no further.
// Source: istio pilot/pkg/model/sidecar.go, SidecarScope.DestinationRule.
func selectorHidesRule(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for _, rule := range v.DestinationRules() {
		if rule.Spec.GetWorkloadSelector() == nil {
			continue
		}
		for _, d := range v.Destinations().Under(v.HostOf(rule)) {
			others := v.Rule(mesh.ClientWithoutRules, d.Host).Rules
			loser, any := loser(v, rule, d)
			if len(others) == 0 || !any {
				continue
			}
			lost := "its load balancing and the like"
			if !v.SameTLS(istio.ClientOf(loser), v, mesh.ClientWithoutRules, d) {
				lost = "its TLS"
			}
			f := lint.Finding(lint.Warning, model.KindDestinationRule, rule, "spec.workloadSelector")
			f.Related = model.RefOf(model.KindDestinationRule, others[0])
			f.Message = fmt.Sprintf("Other pods of the namespace, such as %s, lose %s for %s, and %s: Istio looks no further than a namespace "+
				"that has a rule for the host.", loser.Example, f.Related, d.Name, lost)
			f.Remedy = "Put a copy of that rule, without workloadSelector and exportTo, into this namespace."
			findings = append(findings, f)
			break
		}
	}
	return findings
}

// loser returns the first client of the namespace for which no rule is left, the rule for others being among those that hide it.
func loser(v *mesh.View, rule *istionetworkingv1.DestinationRule, d *destinations.Destination) (*model.Workload, bool) {
	for _, w := range v.Clients().In[rule.Namespace] {
		if len(v.Rule(istio.ClientOf(w), d.Host).Rules) == 0 && hides(v, rule, w, d) {
			return w, true
		}
	}
	return nil, false
}

func hides(v *mesh.View, rule *istionetworkingv1.DestinationRule, w *model.Workload, d *destinations.Destination) bool {
	return slices.ContainsFunc(v.Shadowed(istio.ClientOf(w), d.Host), func(s istio.Shadow) bool {
		return s.Rule == rule && s.Reason == istio.ShadowOtherPods
	})
}
