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
	n := renderNamespace(s)
	return n.result(check.Findings(n.snapshot, n.plan, n.objects))
}

// namespace is a namespace half-way: planned and rendered, and not judged yet.
type namespace struct {
	snapshot model.Snapshot
	plan     model.Plan
	objects  model.Objects
}

func renderNamespace(s model.Snapshot) namespace {
	plan := translate.Plan(s)
	return namespace{snapshot: s, plan: plan, objects: render.Objects(plan)}
}

func (n namespace) result(findings []model.Finding) model.Result {
	return model.Result{
		Namespace: n.snapshot.Namespace,
		Mesh:      n.snapshot.Mesh,
		Objects:   n.objects,
		Policies:  report(n.snapshot, n.plan.Policies, n.objects, findings),
	}
}
