package compile

import (
	"github.com/meshtls/meshtls/internal/check"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/render"
	"github.com/meshtls/meshtls/internal/translate"
)

// Compile says what is to be written for the namespace of the snapshot and what there is to say about each of its policies.
// The result does not depend on the order of anything in the snapshot.
func Compile(s model.Snapshot) model.Result {
	plan := translate.Plan(s)
	objects := render.Objects(plan)
	findings := check.Findings(s, plan, objects)
	return model.Result{
		Namespace: s.Namespace,
		Mesh:      s.Mesh,
		Objects:   objects,
		Policies:  report(s, plan.Policies, objects, findings),
	}
}
