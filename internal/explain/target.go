package explain

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// Find returns the target of the question, and its pods. It finds no targets that only explain takes.
func Find(v *mesh.View, q Question) (model.ObjectRef, []*model.Workload, error) {
	typed, _, _ := strings.Cut(q.Target, "/")
	if typed = strings.ToLower(typed); wholeKinds[typed] != "" {
		return model.ObjectRef{}, nil, errNoKind(typed, PodKinds())
	}
	return find(v, q)
}

// find returns the target of the question, and its pods. A policy's pods depend on what the policy says.
func find(v *mesh.View, q Question) (model.ObjectRef, []*model.Workload, error) {
	kind, name, err := parseTarget(q.Target)
	if err != nil {
		return model.ObjectRef{}, nil, err
	}
	namespace := q.Namespace
	if kind == kindNamespace {
		namespace = ""
	}
	known := namesOf(v, kind)
	found := matching(known, name, namespace)
	switch {
	case len(found) == 0:
		return model.ObjectRef{}, nil, notFound(v, kind, name, q.Namespace)
	case len(found) > 1:
		return model.ObjectRef{}, nil, fmt.Errorf("%q is ambiguous: it can be %s", q.Target, strings.Join(shown(kind, found), " or "))
	}
	target := model.ObjectRef{Kind: kind, Namespace: found[0].Namespace, Name: found[0].Name}
	workloads := podsOf(v, target)
	if len(workloads) == 0 {
		return model.ObjectRef{}, nil, fmt.Errorf("no pod is behind %s, so there is no connection to explain", shown(kind, found)[0])
	}
	return target, workloads, nil
}

// namesOf returns the names of the objects of the kind, in order. Controllers are known by their pods.
func namesOf(v *mesh.View, kind string) []types.NamespacedName {
	var names []types.NamespacedName
	add := func(namespace, name string) {
		names = append(names, types.NamespacedName{Namespace: namespace, Name: name})
	}
	switch kind {
	case kindService:
		for _, s := range v.Services() {
			add(s.Namespace, s.Name)
		}
	case kindGateway:
		names = namesOfGateways(v)
	case kindNamespace:
		for _, w := range v.Workloads() {
			add("", w.Namespace)
		}
		for _, n := range v.Namespaces() {
			add("", n.Name)
		}
	default:
		for _, w := range v.Workloads() {
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

// namesOfGateways returns those of Istio's Gateways and of the Kubernetes Gateway API's.
func namesOfGateways(v *mesh.View) []types.NamespacedName {
	var names []types.NamespacedName
	for _, g := range v.EveryGateway() {
		names = append(names, types.NamespacedName{Namespace: g.Namespace, Name: g.Name})
	}
	for _, l := range v.KubernetesListeners() {
		names = append(names, l.Ref().Key())
	}
	return names
}

// nameAs returns the pod's own name, or that of its controller if that is of the kind.
func nameAs(pod model.Pod, kind string) string {
	switch {
	case kind == kindPod:
		return pod.Name
	case kind == kindWorkload:
		return cmp.Or(pod.Controller.Name, pod.Name)
	case pod.Controller.Kind == kind:
		return pod.Controller.Name
	default:
		return ""
	}
}

func compareNames(a, b types.NamespacedName) int {
	return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
}

// matching returns the targets that a typed name can mean: the whole of it in the namespace, or a name and its namespace.
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

// Title is a target as users type it.
func Title(target model.ObjectRef) string {
	words := strings.ToLower(target.Kind) + "/" + target.Name
	if target.Namespace != "" {
		words += "." + target.Namespace
	}
	return words
}

// shown are targets as users type them.
func shown(kind string, names []types.NamespacedName) []string {
	var all []string
	for _, n := range names {
		all = append(all, Title(model.ObjectRef{Kind: kind, Namespace: n.Namespace, Name: n.Name}))
	}
	return all
}

// notFound returns the error for a target that is not there, with what may have been meant: first those of other kinds with the very name.
func notFound(v *mesh.View, kind, typed, namespace string) error {
	var near []string
	for _, other := range []string{kindDeployment, kindStatefulSet, kindDaemonSet, kindService, kindGateway, kindPod} {
		if other != kind {
			near = append(near, shown(other, matching(namesOf(v, other), typed, namespace))...)
		}
	}
	return missing(kind, typed, namespace, append(near, alike(kind, namesOf(v, kind), typed)...))
}

// missing returns the error for a target that is not there, with those that may have been meant.
func missing(kind, typed, namespace string, near []string) error {
	where := ""
	if namespace != "" && kind != kindNamespace && !strings.Contains(typed, ".") {
		where = " in namespace " + namespace
	}
	what := "there is no"
	if !slices.Contains([]string{kindPod, kindService, kindGateway, kindNamespace, kindPolicy}, kind) {
		what = "there are no pods of a"
	}
	message := fmt.Sprintf("%s %s %s%s", what, wordOf(kind), typed, where)
	if len(near) > 0 {
		message += "; did you mean " + strings.Join(near[:min(len(near), maxNear)], " or ") + "?"
	}
	return errors.New(message)
}

// wordOf is the kind as it is said in a sentence.
func wordOf(kind string) string {
	if kind == kindPolicy {
		return kind
	}
	return strings.ToLower(kind)
}

// maxNear is how many names are suggested.
const maxNear = 3

// alike are targets of the kind that a few letters, or the namespace, tell from the typed one.
func alike(kind string, known []types.NamespacedName, typed string) []string {
	name, _ := splitNamespace(typed)
	distance := func(n types.NamespacedName) int {
		return min(levenshtein.ComputeDistance(n.Name, typed), levenshtein.ComputeDistance(n.Name, name))
	}
	candidates := slices.Clone(known)
	slices.SortStableFunc(candidates, func(a, b types.NamespacedName) int { return cmp.Compare(distance(a), distance(b)) })
	near := slices.DeleteFunc(candidates, func(n types.NamespacedName) bool {
		return distance(n) > slips(name) && !strings.Contains(n.Name, name)
	})
	return shown(kind, near)
}

// slips returns how many letters of a name can be wrong for it to be recognised.
func slips(typed string) int { return min(2, len(typed)/2) }

// podsOf returns the workloads of the target, with only its pods.
func podsOf(v *mesh.View, target model.ObjectRef) []*model.Workload {
	switch target.Kind {
	case kindService:
		return behindService(v, target)
	case kindGateway:
		return behindGateway(v, target)
	case kindNamespace:
		return v.Selected(target.Name, nil)
	}
	var workloads []*model.Workload
	for _, w := range v.Workloads() {
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
			only := *w
			only.Pods, only.Count, only.Example = own, len(own), own[0].Name
			workloads = append(workloads, &only)
		}
	}
	return workloads
}

func behindService(v *mesh.View, target model.ObjectRef) []*model.Workload {
	for _, s := range v.ServicesIn(target.Namespace) {
		if s.Name == target.Name && len(s.Selector) > 0 {
			return v.Selected(s.Namespace, s.Selector)
		}
	}
	return nil
}

// behindGateway returns the pods of the Gateway of that name: Istio's, or else the Kubernetes Gateway API's.
func behindGateway(v *mesh.View, target model.ObjectRef) []*model.Workload {
	for _, g := range v.EveryGateway() {
		if model.RefOf(model.KindGateway, g) == target {
			return v.GatewayPods(g.Spec.GetSelector())
		}
	}
	for _, l := range v.KubernetesListeners() {
		if l.Ref().Key() == target.Key() {
			return v.BehindListener(l)
		}
	}
	return nil
}
