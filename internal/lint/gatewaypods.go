package lint

import (
	"fmt"
	"slices"
	"strings"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// gatewaySelectsNoPods tells of a selector that selects none of the mesh's pods, where there are gateways among these.
// Source: istio pilot/pkg/model/push_context.go, mergeGateways, which looks at the pods of every namespace.
func gatewaySelectsNoPods(v *view) []model.Finding {
	if v.Partial || !slices.ContainsFunc(v.Workloads, func(w model.Workload) bool { return w.Gateway }) {
		return nil
	}
	var findings []model.Finding
	for _, g := range v.Gateways {
		if len(v.gatewayPods(g.Spec.Selector)) > 0 {
			continue
		}
		f := about(meshtlsv1alpha1.SeverityError, model.KindGateway, g, "spec.selector")
		f.Message = fmt.Sprintf("No pod of any namespace has the labels %s: no gateway opens these servers.", labelWords(g.Spec.Selector))
		f.Remedy = "Use the labels of the gateway's pods."
		findings = append(findings, f)
	}
	return findings
}

func labelWords(labels map[string]string) string {
	var words []string
	for _, key := range sets.List(sets.KeySet(labels)) {
		words = append(words, key+"="+labels[key])
	}
	return strings.Join(words, ",")
}

// gatewayPodsInSeveralNamespaces tells of a Gateway with a credential whose pods are in several namespaces: each takes it from its own.
// It is silent where the credentials of all of them are known: then those that are missing are told of one by one.
// Source: istio pilot/pkg/model/credentials/resource.go, ParseResourceName: a name alone is one of the proxy's namespace.
func gatewayPodsInSeveralNamespaces(v *view) []model.Finding {
	var findings []model.Finding
	for _, g := range v.Gateways {
		namespaces := sets.New[string]()
		for _, w := range v.proxiesOf(g) {
			namespaces.Insert(w.Namespace)
		}
		if namespaces.Len() < 2 || v.CredentialNamespaces.IsSuperset(namespaces) {
			continue
		}
		for _, name := range sets.List(plainCredentials(g)) {
			f := about(meshtlsv1alpha1.SeverityWarning, model.KindGateway, g, "spec.selector")
			f.Message = fmt.Sprintf("It selects pods of the namespaces %s, and each looks for the Secret %s in its own.",
				strings.Join(sets.List(namespaces), ", "), name)
			f.Remedy = "Select by labels that the pods of one namespace have, or have the Secret in all of them."
			findings = append(findings, f)
		}
	}
	return findings
}

// plainCredentials are the Secrets that the Gateway's servers name by a name alone.
func plainCredentials(g *istionetworkingv1.Gateway) sets.Set[string] {
	names := sets.New[string]()
	for s := range serversOf(g) {
		if s.endsTLS() {
			names.Insert(s.credentials()...)
		}
	}
	return names
}

// credentials are the Secrets with the server's certificates that it names by a name alone.
func (s gatewayServer) credentials() []string {
	names := s.GetTls().GetCredentialNames()
	if len(names) == 0 {
		names = []string{s.GetTls().GetCredentialName()}
	}
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == "" || strings.Contains(name, "://") })
}
