package agreement

import (
	"fmt"
	"slices"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/status"
)

// Contradicted returns what the status of a policy says otherwise when it is made of what the operator gathers for the namespace, as the
// operator and "status -f" do, than when it is made of the whole mesh, as "lint -f" does.
func (w World) Contradicted() []string {
	operated, reviewed := statuses(w.Operated), statuses(w.Review.Results)
	var contradicted []string
	for _, p := range w.Policies {
		if diff := cmp.Diff(operated[keyOf(p)], reviewed[keyOf(p)]); diff != "" {
			contradicted = append(contradicted, fmt.Sprintf("%s (-status +lint):\n%s", keyOf(p), diff))
		}
	}
	return contradicted
}

// said is what a status says of a policy.
type said struct {
	Conditions map[string]string
	Findings   []string
}

func statuses(results []model.Result) map[types.NamespacedName]said {
	all := map[types.NamespacedName]said{}
	for _, r := range results {
		for _, o := range r.Policies {
			s := said{Conditions: map[string]string{}}
			for _, c := range status.Of(o, r.Mesh, nil).Conditions {
				s.Conditions[c.Type] = string(c.Status) + " " + c.Reason
			}
			for _, f := range o.Findings {
				s.Findings = append(s.Findings, fmt.Sprintf("%s %s %s", f.Severity, f.Check, f.Field))
			}
			slices.Sort(s.Findings)
			s.Findings = slices.Compact(s.Findings)
			all[o.Policy] = s
		}
	}
	return all
}
