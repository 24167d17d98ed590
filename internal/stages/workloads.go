package stages

import (
	"maps"
	"slices"
	"strings"

	k8slabels "k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/sets"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/evidence"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/rollout"
	"github.com/meshtls/meshtls/internal/traffic"
)

// mostWorkloads is how many workloads of a namespace become Strict before the others at most: as many as a status has room for.
const mostWorkloads = 128

// perWorkload reports whether workloads of the target become Strict one after the other.
func (t target) perWorkload() bool {
	return t.Policy.Spec.Accept.Rollout.Order == meshtlsv1alpha1.OrderPerWorkload && len(t.Selector) == 0 && t.Namespace != ""
}

// addWorkloads adds the workloads that can be made Strict by themselves, and says which of them are.
func (t target) addWorkloads(f *rollout.Force) {
	labels := t.workloadLabels()
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		unit := rollout.Unit{Workload: name}
		f.Units = append(f.Units, unit)
		if mesh.InForce(t.view, t.Namespace, labels[name]) == meshtlsv1alpha1.AcceptStrict {
			f.Strict = append(f.Strict, unit)
		}
	}
}

// workloadLabels returns the workloads that the policy governs and that labels tell from all others, with these labels. A workload that
// the status has as Strict is among them as long as nothing tells its pods in another way: also while it has none.
func (t target) workloadLabels() map[string]map[string]string {
	labels := map[string]map[string]string{}
	for _, of := range t.told() {
		if matching, err := k8slabels.ConvertSelectorToLabelsMap(of.Labels); err == nil {
			labels[of.Name] = matching
		}
	}
	for _, name := range t.governed() {
		apart := traffic.TellApart(t.view, evidence.Workload{Namespace: t.Namespace, Name: name})
		_, known := labels[name]
		switch {
		case !apart.Alone || !brief(apart.Labels):
		case known || len(labels) < mostWorkloads:
			labels[name] = apart.Labels
		}
	}
	return labels
}

// brief reports whether a status has room for the labels of many workloads like these.
func brief(labels map[string]string) bool {
	const mostLabels, mostLetters = 8, 256
	letters := 0
	for key, value := range labels {
		letters += len(key) + len(value)
	}
	return len(labels) <= mostLabels && letters <= mostLetters
}

// told are the workloads of which the status says that they are Strict, or were when the rollout began.
func (t target) told() []meshtlsv1alpha1.RolloutWorkload {
	if t.Policy.Status.Rollout == nil {
		return nil
	}
	return slices.Concat(t.Policy.Status.Rollout.KeptWorkloads, t.Policy.Status.Rollout.StrictWorkloads)
}

// governed returns the names of the workloads of which nothing but the policy says what they accept, in order.
func (t target) governed() []string {
	names := sets.New[string]()
	for _, w := range slices.Concat(traffic.Governed(t.view, t.Namespace), t.madeStrict()) {
		for _, pod := range w.Pods {
			names.Insert(traffic.NameOf(pod))
		}
	}
	return sets.List(names)
}

// madeStrict returns the pods whose PeerAuthentication is the policy's alone, though it is not the namespace's: this rollout wrote it,
// whatever the status says.
func (t target) madeStrict() []*model.Workload {
	var made []*model.Workload
	for _, pa := range t.written {
		made = append(made, mesh.Carried(t.view, t.Namespace, pa.Spec.GetSelector().GetMatchLabels())...)
	}
	return made
}

// statusWorkloads returns the units that are workloads, with their labels.
func (t target) statusWorkloads(units []rollout.Unit) []meshtlsv1alpha1.RolloutWorkload {
	if !t.perWorkload() {
		return nil
	}
	labels := t.workloadLabels()
	var all []meshtlsv1alpha1.RolloutWorkload
	for _, u := range units {
		if matching := labels[u.Workload]; u.Workload != "" && len(matching) > 0 && len(all) < mostWorkloads {
			all = append(all, meshtlsv1alpha1.RolloutWorkload{Name: u.Workload, Labels: k8slabels.Set(matching).String()})
		}
	}
	slices.SortFunc(all, func(a, b meshtlsv1alpha1.RolloutWorkload) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// unproved returns the workloads that may not become Strict before the others: somebody called them in a way that Strict refuses, or may
// have, or nobody is known to have called them with mutual TLS.
func (t target) unproved(o evidence.Observation, missing string) []rollout.Unit {
	if !t.perWorkload() {
		return nil
	}
	dirty, called := sets.New[string](), sets.New[string]()
	for _, c := range o.Refusable {
		dirty.Insert(c.Server.Name)
	}
	for _, c := range o.Mutual {
		called.Insert(c.Server.Name)
	}
	expected := len(t.Policy.Spec.Accept.Rollout.ExpectClients) > 0
	var units []rollout.Unit
	for name := range t.workloadLabels() {
		proved := called.Has(name)
		if expected {
			proved = missing == ""
		}
		if dirty.HasAny(name, "") || !proved {
			units = append(units, rollout.Unit{Workload: name})
		}
	}
	return units
}
