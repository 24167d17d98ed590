package destinationrule

import (
	"fmt"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "destinationrule-host-not-found",
			Severity: []lint.Severity{lint.Warning},
			Classes:  []string{"M23"},
			Finds: "a host that reads like a Service's and that no Service or ServiceEntry declares, in a namespace that has " +
				"Services and is not the root namespace.",
			Why: "The rule governs nothing. The name is misspelt, or the Service is gone.",
			Fix: "Correct the name, or remove the rule.",
		},
		Find: hostNotFound,
	})
}

// hostNotFound tells of hosts that are written like those of Services, where there is no such Service.
// Source: istio pilot/pkg/networking/core/cluster.go: clusters are made of services, and a rule only changes them.
func hostNotFound(v *mesh.View) []model.Finding {
	if v.Partial() {
		return nil
	}
	populated, byName := populated(v), servicesByName(v)
	var findings []model.Finding
	for _, rule := range v.DestinationRules() {
		namespace, name, isService := v.Domain().Service(v.HostOf(rule))
		if !isService || !populated.Has(namespace) || declared(v, v.HostOf(rule)) || isShortForAnother(rule, byName) {
			continue
		}
		f := lint.Finding(lint.Warning, model.KindDestinationRule, rule, "spec.host")
		f.Message = fmt.Sprintf("In namespace %s there is no Service %s, so the rule governs nothing.", namespace, name)
		f.Remedy = "Correct the name, or remove the rule if the Service is gone for good."
		findings = append(findings, f)
	}
	return findings
}

// isShortForAnother reports whether the host is a short name that is a Service's of another namespace: that is told of already.
func isShortForAnother(rule *istionetworkingv1.DestinationRule, byName map[string][]string) bool {
	return len(byName[rule.Spec.Host]) > 0
}

// populated returns the namespaces that have Services, and that somebody would have all of at hand: those of the root namespace come with
// Istio's installation, which manifests are seldom kept beside.
func populated(v *mesh.View) sets.Set[string] {
	namespaces := sets.New[string]()
	for i := range v.Services() {
		namespaces.Insert(v.Services()[i].Namespace)
	}
	return namespaces.Delete(v.Mesh().RootNamespace)
}
