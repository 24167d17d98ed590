package destinationrule

import (
	"fmt"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "destinationrule-selects-nothing",
			Severity: []lint.Severity{lint.Warning},
			Finds: "a `workloadSelector` whose labels no client with a proxy has, in a namespace that has such clients. A WorkloadEntry " +
				"with a service account may be a client, too.",
			Why: "The selector names the clients that the rule is for, not the servers. The rule governs nothing.",
			Fix: "Name the labels of the clients. To set TLS for some of the host's servers, use a subset and route to it.",
		},
		Find: selectsNothing,
	})
}

// selectsNothing finds DestinationRules that select no client.
// Source: istio pilot/pkg/model/sidecar.go, SidecarScope.DestinationRule: the proxy's labels are compared.
func selectsNothing(v *mesh.View) []model.Finding {
	if v.Partial() {
		return nil
	}
	var findings []model.Finding
	for _, rule := range v.DestinationRules() {
		labels := rule.Spec.GetWorkloadSelector().GetMatchLabels()
		if len(labels) == 0 || len(v.Callers(rule)) > 0 || len(v.Clients().In[rule.Namespace]) == 0 {
			continue
		}
		server, isMachine := machineWith(v, rule.Namespace, labels)
		if isMachine && server.Spec.ServiceAccount != "" {
			continue
		}
		f := lint.Finding(lint.Warning, model.KindDestinationRule, rule, "spec.workloadSelector")
		f.Message = fmt.Sprintf("No client of namespace %s that has a proxy has the labels %s, so the rule governs nothing.",
			rule.Namespace, lint.Labels(labels))
		if isMachine {
			f.Message += fmt.Sprintf(" They are the labels of %s, a server: the selector names the clients that the rule is for.",
				model.RefOf(model.KindWorkloadEntry, server))
		}
		f.Remedy = "Select the clients by their labels, or remove workloadSelector if the rule is for all clients of the namespace."
		findings = append(findings, f)
	}
	return findings
}

// machineWith returns the first WorkloadEntry of the namespace that has the labels.
func machineWith(v *mesh.View, namespace string, labels map[string]string) (entry *istionetworkingv1.WorkloadEntry, found bool) {
	for _, entry := range v.WorkloadEntries() {
		if entry.Namespace == namespace && pods.Matches(labels, entry.Spec.GetLabels()) {
			return entry, true
		}
	}
	return nil, false
}
