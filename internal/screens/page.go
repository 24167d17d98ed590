package screens

import (
	"cmp"
	"slices"
	"strings"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/evidence"
	"github.com/meshtls/meshtls/internal/explain"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/report"
	"github.com/meshtls/meshtls/internal/traffic"
)

// World is all that the page knows of a mesh.
type World struct {
	Inventory model.Inventory
	// Policies are those that are not being deleted, with their status.
	Policies []*meshtlsv1alpha1.MeshTLSPolicy
	Report   report.Report
	Jobs     []traffic.Job
	Pods     traffic.Pods
	Source   Source
}

// Source is where the objects come from.
type Source struct {
	// Name is the kubeconfig's context, or the files.
	Name string `json:"name"`
	// Files says that no cluster was asked.
	Files bool `json:"files"`
	// Notes are what was left out, as full sentences.
	Notes []string `json:"notes,omitempty"`
	// NoIstio says that the cluster knows none of Istio's kinds, and NoPolicies that it does not know MeshTLSPolicy.
	NoIstio    bool `json:"noIstio,omitempty"`
	NoPolicies bool `json:"noPolicies,omitempty"`
	// MayApply says that policies may be applied from the page.
	MayApply bool `json:"mayApply,omitempty"`
}

// Traffic is what was seen of the calls of a mesh.
type Traffic struct {
	// Source is where it comes from; empty: nothing looks at traffic, and the page shows the configuration only.
	Source string          `json:"source,omitempty"`
	Window evidence.Window `json:"window,omitzero"`
	// Problem says why there is nothing, as a full sentence.
	Problem string          `json:"problem,omitempty"`
	Edges   []evidence.Edge `json:"-"`
}

// Page is a world that questions are asked of.
type Page struct {
	World
	views     *mesh.Views
	workloads []named
	byID      map[evidence.Workload]int
}

// named are the pods of a workload as metrics name it: what makes them, most often a Deployment.
type named struct {
	evidence.Workload
	kind  string
	taken []explain.Taken
}

// NewPage prepares the world.
func NewPage(w World) *Page {
	p := &Page{World: w, views: mesh.NewViews(w.Inventory), byID: map[evidence.Workload]int{}}
	for _, taken := range explain.TakenByAll(p.views, p.View().Workloads()) {
		for name, kind := range namesOf(taken.Pods) {
			p.add(evidence.Workload{Namespace: taken.Pods.Namespace, Name: name}, kind, taken)
		}
	}
	slices.SortFunc(p.workloads, func(a, b named) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	for i, w := range p.workloads {
		p.byID[w.Workload] = i
	}
	return p
}

// View returns the mesh as the control plane without a revision's name has it.
func (p *Page) View() *mesh.View { return p.views.Of("") }

func (p *Page) add(name evidence.Workload, kind string, taken explain.Taken) {
	at, known := p.byID[name]
	if !known {
		at = len(p.workloads)
		p.byID[name] = at
		p.workloads = append(p.workloads, named{Workload: name, kind: kind})
	}
	own := *taken.Pods
	own.Pods = slices.DeleteFunc(slices.Clone(own.Pods), func(pod model.Pod) bool { return traffic.NameOf(pod) != name.Name })
	own.Count = len(own.Pods)
	taken.Pods = &own
	p.workloads[at].taken = append(p.workloads[at].taken, taken)
}

// namesOf returns the names of the workloads that the pods belong to, each with the kind of object that makes them.
func namesOf(w *model.Workload) map[string]string {
	names := map[string]string{}
	for _, pod := range w.Pods {
		names[traffic.NameOf(pod)] = cmp.Or(pod.Controller.Kind, "Pod")
	}
	return names
}

// find returns the workload of the name.
func (p *Page) find(name evidence.Workload) (named, bool) {
	at, known := p.byID[name]
	if !known {
		return named{}, false
	}
	return p.workloads[at], true
}

// pods returns the workload's, grouped by shape.
func (n named) pods() []*model.Workload {
	var all []*model.Workload
	for _, t := range n.taken {
		all = append(all, t.Pods)
	}
	return all
}

func workloadID(w *model.Workload, name string) evidence.Workload {
	return evidence.Workload{Namespace: w.Namespace, Name: name}
}
