package lint

import (
	"fmt"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

var peerAuthenticationChecks = []Check{
	{
		Name:  "peerauthentication-selector-in-root-namespace",
		Reads: []string{model.KindPeerAuthentication, model.KindConfigMap},
		find:  peerAuthenticationSelectorInRootNamespace,
	},
}

// peerAuthenticationSelectorInRootNamespace tells of one that selects pods in the root namespace: Istio ignores it, for the mesh as for
// the pods of that namespace.
// Source: istio pilot/pkg/security/authn/policy_applier.go, ComposePeerAuthentication.
func peerAuthenticationSelectorInRootNamespace(v *view) []model.Finding {
	var findings []model.Finding
	for _, pa := range v.PeerAuthentications {
		if pa.Namespace != v.Mesh.RootNamespace || len(pa.Spec.GetSelector().GetMatchLabels()) == 0 {
			continue
		}
		f := about(meshtlsv1alpha1.SeverityError, model.KindPeerAuthentication, pa, "spec.selector")
		f.Message = fmt.Sprintf("It selects pods, and Istio ignores a PeerAuthentication with a selector in the root namespace %s.", pa.Namespace)
		f.Remedy = "Remove the selector to set the mode of the mesh, or move it to the namespace of the pods."
		findings = append(findings, f)
	}
	return findings
}
