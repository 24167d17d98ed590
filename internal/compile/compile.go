package compile

import (
	"github.com/meshtls/meshtls/internal/check"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/render"
	"github.com/meshtls/meshtls/internal/translate"
)

// Compile returns what is to be written for the namespace of the snapshot and what there is to say about each of its policies.
// The result does not depend on the order of anything in the snapshot.
func Compile(s model.Snapshot) model.Result { return renderNamespace(s).Result() }

// Namespace is a namespace that is planned and rendered.
type Namespace struct {
	Snapshot model.Snapshot
	Plan     model.Plan
	Objects  model.Objects
}

func renderNamespace(s model.Snapshot) Namespace {
	plan := translate.Plan(s)
	return Namespace{Snapshot: s, Plan: plan, Objects: render.Objects(plan)}
}

func renderAll(snapshots []model.Snapshot) []Namespace {
	namespaces := make([]Namespace, len(snapshots))
	for i, s := range snapshots {
		namespaces[i] = renderNamespace(s)
	}
	return namespaces
}

// Result returns what there is to say about the namespace's policies.
func (n Namespace) Result() model.Result {
	return n.result(check.Findings(n.Snapshot, n.Plan, Project(n.Objects, n.Snapshot.Live())))
}

func (n Namespace) result(findings []model.Finding) model.Result {
	return model.Result{
		Namespace: n.Snapshot.Namespace,
		Mesh:      n.Snapshot.Mesh,
		Objects:   n.Objects,
		Policies:  report(n.Snapshot, n.Plan.Policies, n.Objects, findings),
	}
}
