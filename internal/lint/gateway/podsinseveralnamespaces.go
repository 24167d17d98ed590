package gateway

import (
	"fmt"
	"strings"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "gateway-pods-in-several-namespaces",
			Severity: []lint.Severity{lint.Warning},
			Classes:  []string{"M44"},
			Finds: "a Gateway with a credential that selects pods of several namespaces, unless the Secrets of all of these are " +
				"known: then [`gateway-credential-not-found`](#gateway-credential-not-found) tells what is missing.",
			Why: "A Gateway knows no namespace, and each pod looks for the Secret in its own.",
			Fix: "Give the gateway a label of its own, or have the Secret in all of the namespaces.",
		},
		Find: podsInSeveralNamespaces,
	})
}

// podsInSeveralNamespaces tells of a Gateway with a credential whose pods are in several namespaces: each takes it from its own.
// It is silent where the credentials of all of them are known: then those that are missing are told of one by one.
// Source: istio pilot/pkg/model/credentials/resource.go, ParseResourceName: a name alone is one of the proxy's namespace.
func podsInSeveralNamespaces(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for _, g := range v.Gateways() {
		namespaces := sets.New[string]()
		for _, w := range v.ProxiesOf(g) {
			namespaces.Insert(w.Namespace)
		}
		if namespaces.Len() < 2 || v.CredentialNamespaces().IsSuperset(namespaces) {
			continue
		}
		for _, name := range sets.List(plainCredentials(g)) {
			f := lint.Finding(lint.Warning, model.KindGateway, g, "spec.selector")
			f.Message = fmt.Sprintf("It selects pods of the namespaces %s, and each looks for the Secret %s in its own.",
				strings.Join(sets.List(namespaces), ", "), name)
			f.Remedy = "Select by labels that the pods of one namespace have, or have the Secret in all of them."
			findings = append(findings, f)
		}
	}
	return findings
}

// plainCredentials returns the Secrets that the Gateway's servers name by a name alone.
func plainCredentials(g *istionetworkingv1.Gateway) sets.Set[string] {
	names := sets.New[string]()
	for s := range mesh.ServersOf(g) {
		if s.EndsTLS() {
			names.Insert(credentials(s)...)
		}
	}
	return names
}
