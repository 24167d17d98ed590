package compile

import (
	"fmt"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/revisions"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// resolved returns the outcomes with the mode that Inherit comes to, once what is rendered is written, in place of that word.
func (n Namespace) resolved(outcomes []model.Outcome) []model.Outcome {
	labels := map[string]string{}
	for _, p := range n.Snapshot.Policies {
		labels[p.Name] = p.Labels[meshtlsv1alpha1.LabelRevision]
	}
	all := make([]model.Outcome, len(outcomes))
	for i, o := range outcomes {
		if len(o.Accepts) > 0 && o.Accepts[0] == string(meshtlsv1alpha1.AcceptInherit) {
			o.Accepts = append([]string{n.inherited(labels[o.Policy.Name])}, o.Accepts[1:]...)
		}
		all[i] = o
	}
	return all
}

// inherited returns what a pod of the namespace accepts that no policy is for, and who says so: "Strict (from namespace)".
func (n Namespace) inherited(label string) string {
	v := n.Written.Of(revisions.New(n.Snapshot.Tags).Label(label))
	level := v.Accept(mesh.Anybody(n.Snapshot.Namespace)).Workload
	from := "Istio's default"
	switch level.Origin.Object.Namespace {
	case "":
	case n.Snapshot.Mesh.RootNamespace:
		from = "from mesh"
	default:
		from = "from namespace"
	}
	return fmt.Sprintf("%s (%s)", level.Mode, from)
}
