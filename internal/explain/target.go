package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

// find returns the target of the question, and its pods.
func find(mesh model.Inventory, q Question) (Target, []model.Workload, error) {
	kind, name, err := parseTarget(q.Target)
	if err != nil {
		return Target{}, nil, err
	}
	known := namesOf(mesh, kind)
	found := matching(known, name, q.Namespace)
	switch {
	case len(found) == 0:
		return Target{}, nil, notFound(mesh, kind, name, q.Namespace)
	case len(found) > 1:
		return Target{}, nil, fmt.Errorf("%q is ambiguous: it can be %s", q.Target, strings.Join(shown(kind, found), " or "))
	}
	target := Target{Kind: kind, Namespace: found[0].Namespace, Name: found[0].Name}
	workloads := podsOf(mesh, target)
	if len(workloads) == 0 {
		return Target{}, nil, fmt.Errorf("no pod is behind %s, so there is no connection to explain", shown(kind, found)[0])
	}
	return target, workloads, nil
}

// namesOf are the names of the objects of the kind, in order. Controllers are known by their pods.
func namesOf(mesh model.Inventory, kind string) []types.NamespacedName {
	var names []types.NamespacedName
	add := func(namespace, name string) {
		names = append(names, types.NamespacedName{Namespace: namespace, Name: name})
	}
	switch kind {
	case kindService:
		for _, s := range mesh.Services {
			add(s.Namespace, s.Name)
		}
	case kindGateway:
		for _, g := range mesh.Gateways {
			add(g.Namespace, g.Name)
		}
	default:
		for _, w := range mesh.Workloads {
			for _, pod := range w.Pods {
				if name := nameAs(pod, kind); name != "" {
					add(w.Namespace, name)
				}
			}
		}
	}
	slices.SortFunc(names, compareNames)
	return slices.Compact(names)
}

// nameAs is the pod's own name, or that of its controller if that is of the kind.
func nameAs(pod model.Pod, kind string) string {
	switch {
	case kind == kindPod:
		return pod.Name
	case pod.Controller.Kind == kind:
		return pod.Controller.Name
	default:
		return ""
	}
}

func compareNames(a, b types.NamespacedName) int {
	return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
}

// matching are those that a typed name can mean: the whole of it in the namespace, or a name and its namespace.
func matching(known []types.NamespacedName, typed, namespace string) []types.NamespacedName {
	var found []types.NamespacedName
	name, of := splitNamespace(typed)
	for _, k := range known {
		whole := k.Name == typed && (namespace == "" || k.Namespace == namespace)
		if whole || of != "" && k.Name == name && k.Namespace == of {
			found = append(found, k)
		}
	}
	return found
}

// splitNamespace takes the namespace off a name, at the last dot: no namespace has one.
func splitNamespace(typed string) (name, namespace string) {
	at := strings.LastIndex(typed, ".")
	if at < 0 {
		return typed, ""
	}
	return typed[:at], typed[at+1:]
}

// shown are targets as users type them.
func shown(kind string, names []types.NamespacedName) []string {
	var all []string
	for _, n := range names {
		all = append(all, strings.ToLower(kind)+"/"+n.Name+"."+n.Namespace)
	}
	return all
}

// notFound is the error for a target that is not there, with what may have been meant.
func notFound(mesh model.Inventory, kind, typed, namespace string) error {
	where := ""
	if namespace != "" && !strings.Contains(typed, ".") {
		where = " in namespace " + namespace
	}
	what := "there is no"
	if kind != kindPod && kind != kindService && kind != kindGateway {
		what = "there are no pods of a"
	}
	message := fmt.Sprintf("%s %s %s%s", what, strings.ToLower(kind), typed, where)
	if near := near(mesh, kind, typed, namespace); len(near) > 0 {
		message += "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return fmt.Errorf("%s", message)
}

// maxNear is how many names are suggested.
const maxNear = 3

// near are targets with a name like the typed one: first those of other kinds with the very name, then those of the kind that a few
// letters tell apart, or the namespace.
func near(mesh model.Inventory, kind, typed, namespace string) []string {
	var all []string
	for _, other := range []string{kindDeployment, kindStatefulSet, kindDaemonSet, kindService, kindGateway, kindPod} {
		if other != kind {
			all = append(all, shown(other, matching(namesOf(mesh, other), typed, namespace))...)
		}
	}
	name, _ := splitNamespace(typed)
	candidates := namesOf(mesh, kind)
	distance := func(n types.NamespacedName) int {
		return min(levenshtein.ComputeDistance(n.Name, typed), levenshtein.ComputeDistance(n.Name, name))
	}
	slices.SortStableFunc(candidates, func(a, b types.NamespacedName) int { return cmp.Compare(distance(a), distance(b)) })
	for _, n := range candidates {
		if distance(n) <= slips(name) || strings.Contains(n.Name, name) {
			all = append(all, shown(kind, []types.NamespacedName{n})...)
		}
	}
	return all[:min(len(all), maxNear)]
}

// slips is how many letters of a name can be wrong for it to be recognised.
func slips(typed string) int { return min(2, len(typed)/2) }

// podsOf are the workloads of the target, with only its pods.
func podsOf(mesh model.Inventory, target Target) []model.Workload {
	switch target.Kind {
	case kindService:
		return behindService(mesh, target)
	case kindGateway:
		return behindGateway(mesh, target)
	}
	var workloads []model.Workload
	for _, w := range mesh.Workloads {
		if w.Namespace != target.Namespace {
			continue
		}
		var own []model.Pod
		for _, pod := range w.Pods {
			if nameAs(pod, target.Kind) == target.Name {
				own = append(own, pod)
			}
		}
		if len(own) > 0 {
			w.Pods, w.Count, w.Example = own, len(own), own[0].Name
			workloads = append(workloads, w)
		}
	}
	return workloads
}

func behindService(mesh model.Inventory, target Target) []model.Workload {
	var workloads []model.Workload
	for _, s := range mesh.Services {
		if s.Namespace != target.Namespace || s.Name != target.Name || len(s.Selector) == 0 {
			continue
		}
		for _, w := range mesh.Workloads {
			if w.Namespace == s.Namespace && pods.Matches(s.Selector, w.Labels) {
				workloads = append(workloads, w)
			}
		}
	}
	return workloads
}

// behindGateway are the pods, of any namespace, that the Gateway selects; without a selector, all that are gateways.
func behindGateway(mesh model.Inventory, target Target) []model.Workload {
	var workloads []model.Workload
	for _, g := range mesh.Gateways {
		if g.Namespace != target.Namespace || g.Name != target.Name {
			continue
		}
		for _, w := range mesh.Workloads {
			if pods.Matches(g.Spec.GetSelector(), w.Labels) && (w.Gateway || len(g.Spec.GetSelector()) > 0) {
				workloads = append(workloads, w)
			}
		}
	}
	return workloads
}
