package peerauthentication

import (
	"fmt"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "peerauthentication-selector-in-root-namespace",
			Severity: []lint.Severity{lint.Error},
			Classes:  []string{"M10"},
			Finds:    "a PeerAuthentication with a selector in Istio's root namespace.",
			Why:      "Istio ignores it there: it is neither the mesh's, nor one for pods.",
			Fix:      "Remove the selector, or move the object to the namespace of the pods.",
		},
		Find: selectorInRootNamespace,
	})
}

// selectorInRootNamespace tells of one that selects pods in the root namespace: Istio ignores it, for the mesh as for
// the pods of that namespace.
// Source: istio pilot/pkg/security/authn/policy_applier.go, ComposePeerAuthentication.
func selectorInRootNamespace(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for _, pa := range v.PeerAuthentications() {
		if pa.Namespace != v.Mesh().RootNamespace || len(peerSelector(pa)) == 0 {
			continue
		}
		f := lint.Finding(lint.Error, model.KindPeerAuthentication, pa, "spec.selector")
		f.Message = fmt.Sprintf("It selects pods, and Istio ignores a PeerAuthentication with a selector in the root namespace %s.", pa.Namespace)
		f.Remedy = "Remove the selector to set the mode of the mesh, or move it to the namespace of the pods."
		findings = append(findings, f)
	}
	return findings
}
