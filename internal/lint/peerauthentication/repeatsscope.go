package peerauthentication

import (
	"fmt"

	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "peerauthentication-repeats-scope",
			Severity: []lint.Severity{lint.Error, lint.Info},
			Classes:  []string{"M07"},
			Finds: "a second PeerAuthentication without a selector in a namespace. It is about the younger one; an info if pods accept the " +
				"same by either.",
			Why: "Istio uses the oldest for a namespace, and for the mesh, and ignores the others. Objects of one age it orders by " +
				"name.",
			Fix: "Delete one of them.",
		},
		Find: repeatsScope,
	})
}

// repeatsScope tells of a further one for the whole of a namespace, or of the mesh, where Istio uses the oldest.
// Source: istio pilot/pkg/model/authentication.go, addPeerAuthentication.
func repeatsScope(v *mesh.View) []model.Finding {
	var findings []model.Finding
	byRef := peersByRef(v)
	asked := map[string]bool{}
	for _, pa := range v.PeerAuthentications() {
		if asked[pa.Namespace] {
			continue
		}
		asked[pa.Namespace] = true
		for _, ignored := range v.Accept(mesh.Anybody(pa.Namespace)).Ignored {
			if ignored.Object.Namespace == pa.Namespace && ignored.Winner != (model.ObjectRef{}) {
				findings = append(findings, repetition(v, byRef[ignored.Object], byRef[ignored.Winner]))
			}
		}
	}
	return findings
}

func repetition(v *mesh.View, loser, winner *istiosecurityv1.PeerAuthentication) model.Finding {
	scope, parent := "namespace "+loser.Namespace, v.Accept(mesh.Anybody("")).Workload.Mode
	if loser.Namespace == v.Mesh().RootNamespace {
		scope, parent = "the mesh", meshtlsv1alpha1.AcceptPermissive
	}
	f := lint.Finding(lint.Error, model.KindPeerAuthentication, loser, "spec")
	says := "which says " + modeWords(winner)
	if sameModes(loser, winner, parent) {
		f.Severity, says = lint.Info, "by which pods accept the same"
	}
	f.Message = fmt.Sprintf("Istio ignores it: of the PeerAuthentications for the whole of %s it uses the oldest, %s, %s.",
		scope, model.RefOf(model.KindPeerAuthentication, winner), says)
	f.Remedy = "Delete the one or the other."
	return f
}
