package gateway

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
			Name:     "gateway-selects-no-pods",
			Severity: []lint.Severity{lint.Error},
			Classes:  []string{"M44"},
			Finds:    "a Gateway whose selector matches no pod of the mesh, where gateways are among these.",
			Why:      "No gateway opens its servers.",
			Fix:      "Use the labels of the gateway's pods.",
		},
		Find: selectsNoPods,
	})
}

// selectsNoPods tells of a selector that selects none of the mesh's pods, where there are gateways among these.
// Source: istio pilot/pkg/model/push_context.go, mergeGateways, which looks at the pods of every namespace.
func selectsNoPods(v *mesh.View) []model.Finding {
	if v.Partial() || !slices.ContainsFunc(v.Workloads(), func(w *model.Workload) bool { return w.Gateway }) {
		return nil
	}
	var findings []model.Finding
	for _, g := range v.Gateways() {
		if len(v.GatewayPods(g.Spec.Selector)) > 0 {
			continue
		}
		f := lint.Finding(lint.Error, model.KindGateway, g, "spec.selector")
		f.Message = fmt.Sprintf("No pod of any namespace has the labels %s: no gateway opens these servers.", lint.Labels(g.Spec.Selector))
		f.Remedy = "Use the labels of the gateway's pods."
		findings = append(findings, f)
	}
	return findings
}
