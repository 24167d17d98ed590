package destinationrule

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "destinationrule-never-used",
			Severity: []lint.Severity{lint.Warning},
			Classes:  []string{"M19"},
			Finds:    "a rule in a namespace that is neither the host's nor the root namespace, and in which no pod has a sidecar.",
			Why:      "Istio looks for rules in the client's namespace, the host's and the root's, and `exportTo` does not change that.",
			Fix:      "Move the rule to the namespace of the host or of its clients.",
		},
		Find: neverUsed,
	})
}

// neverUsed tells of rules that no client looks up: Istio looks in the client's namespace, the host's and the root's, and
// the rule's is neither of the last two, and has no clients.
// Source: istio pilot/pkg/model/push_context.go, destinationRule.
func neverUsed(v *mesh.View) []model.Finding {
	if v.Partial() {
		return nil
	}
	var findings []model.Finding
	for _, rule := range v.DestinationRules() {
		if len(v.Clients().In[rule.Namespace]) > 0 || rule.Namespace == v.Mesh().RootNamespace || len(v.Clients().All) == 0 {
			continue
		}
		called := v.Destinations().Under(v.HostOf(rule))
		own := func(d *destinations.Destination) bool { return d.Namespace == rule.Namespace }
		if len(called) == 0 || slices.ContainsFunc(called, own) {
			continue
		}
		f := lint.Finding(lint.Warning, model.KindDestinationRule, rule, "spec.host")
		f.Message = fmt.Sprintf("No client uses it. Istio looks for the rules of %s in the client's namespace, in %s, where the host is, "+
			"and in %s; in %s no pod has a sidecar.", rule.Spec.Host, namespacesOf(called), v.Mesh().RootNamespace, rule.Namespace)
		f.Remedy = "Move it to the namespace of the host, or to that of the clients that it is for."
		findings = append(findings, f)
	}
	return findings
}

// namespacesOf names the namespaces of the destinations.
func namespacesOf(all []*destinations.Destination) string {
	namespaces := sets.New[string]()
	for _, d := range all {
		namespaces.Insert(d.Namespace)
	}
	return lint.ListNames(sets.List(namespaces))
}
