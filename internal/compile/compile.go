package compile

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshtls/meshtls/internal/lint/all"
	"github.com/meshtls/meshtls/internal/lint/policy"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/render"
	"github.com/meshtls/meshtls/internal/translate"
)

// Compile returns what is to be written for the namespace of the snapshot and what there is to say about each of its policies.
// The result does not depend on the order of anything in the snapshot.
func Compile(s model.Snapshot) model.Result {
	return renderNamespace(s, mesh.NewViews(s.Inventory)).Result()
}

// Namespace is a namespace that is planned and rendered.
type Namespace struct{ policy.Namespace }

// renderNamespace plans and renders the namespace. The views are those of its inventory.
func renderNamespace(s model.Snapshot, views *mesh.Views) Namespace {
	plan := translate.Plan(s, views)
	objects := render.Objects(plan)
	n := policy.Namespace{Snapshot: s, Plan: plan, Objects: objects}
	written := writtenIn(s, Project(objects, s.Live()))
	n.Written = views.With(written)
	written.DestinationRules = together(nil, s.DestinationRules, s.Namespace)
	n.Unsent = views.With(written)
	return Namespace{n}
}

// writtenIn returns the objects of the mesh once what is rendered is written, as far as the snapshot knows them.
func writtenIn(s model.Snapshot, projected model.Objects) model.Objects {
	return model.Objects{
		PeerAuthentications: together(projected.PeerAuthentications, s.PeerAuthentications, s.Namespace),
		DestinationRules:    together(projected.DestinationRules, s.DestinationRules, s.Namespace),
		Gateways:            together(projected.Gateways, s.Gateways, s.Namespace),
	}
}

func renderAll(snapshots []model.Snapshot) []Namespace {
	namespaces := make([]Namespace, len(snapshots))
	for i, s := range snapshots {
		namespaces[i] = renderNamespace(s, mesh.NewViews(s.Inventory))
	}
	return namespaces
}

// Result returns what there is to say about the namespace's policies.
func (n Namespace) Result() model.Result {
	views := n.views()
	return n.result(append(policy.Findings(n.Namespace, views), policy.Attributed(n.Namespace, foundInObjects(views))...))
}

// views returns the mesh once what is rendered is written: a view for each revision that the namespace's policies are for.
func (n Namespace) views() []*mesh.View {
	var views []*mesh.View
	for _, revision := range n.Revisions() {
		views = append(views, n.Written.Of(revision))
	}
	return views
}

// together returns the rendered objects, in place of ours in the namespace, and all others.
func together[T metav1.Object](projected, live []T, namespace string) []T {
	all := make([]T, 0, len(projected)+len(live))
	all = append(all, projected...)
	for _, o := range live {
		if !model.Ours(o) || o.GetNamespace() != namespace {
			all = append(all, o)
		}
	}
	return all
}

// foundInObjects returns what lint finds in the rendered objects.
func foundInObjects(views []*mesh.View) []model.Finding {
	var findings []model.Finding
	for _, v := range views {
		findings = append(findings, all.OfOurs(v)...)
	}
	return findings
}

func (n Namespace) result(findings []model.Finding) model.Result {
	return model.Result{
		Namespace: n.Snapshot.Namespace,
		Mesh:      n.Snapshot.Mesh,
		Objects:   n.Objects,
		Policies:  report(n.Snapshot, n.resolved(n.Plan.Policies), n.Objects, findings),
	}
}
