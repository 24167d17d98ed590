package proxy

import (
	"fmt"
	"strings"

	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// CauseKind is the kind of what may have made a difference.
type CauseKind string

// The kinds of causes.
const (
	// CauseRefused: the proxy refused an update, which Istio calls a NACK.
	CauseRefused CauseKind = "Refused"
	// CauseWarming: an update has come, and waits for something that has not.
	CauseWarming CauseKind = "Warming"
	// CauseEnvoyFilter: an EnvoyFilter changes what the proxy is given.
	CauseEnvoyFilter CauseKind = "EnvoyFilter"
	// CauseRevision: the pod's proxy belongs to another revision of the control plane than its namespace asks for now.
	CauseRevision CauseKind = "Revision"
	// CauseBehind: nothing else explains it, so the proxy has not been given what the objects come to.
	CauseBehind CauseKind = "Behind"
)

// Cause is what may have made the differences of a proxy.
type Cause struct {
	Kind CauseKind `json:"kind"`
	// Object is what did; zero: no object.
	Object model.ObjectRef `json:"object,omitzero"`
	// Message is a full sentence.
	Message string `json:"message"`
}

// Causes returns what may have made differences of a pod's proxy: what its own dump tells, and what the mesh does.
func Causes(facts Facts, v *mesh.View, pod *model.Workload) []Cause {
	var all []Cause
	for _, refused := range facts.Refused {
		all = append(all, Cause{Kind: CauseRefused, Message: "The proxy refused an update of its configuration: " + refused + "."})
	}
	if len(facts.Warming) > 0 {
		message := fmt.Sprintf("An update has come and waits: %s.", strings.Join(facts.Warming, ", "))
		if len(facts.Missing) > 0 {
			message = fmt.Sprintf("An update has come and waits for secrets that have not, %s: %s.",
				strings.Join(facts.Missing, ", "), strings.Join(facts.Warming, ", "))
		}
		all = append(all, Cause{Kind: CauseWarming, Message: message})
	}
	for _, filter := range filtersOf(v, pod) {
		all = append(all, Cause{
			Kind: CauseEnvoyFilter, Object: filter, Message: fmt.Sprintf("%s changes what the proxy is given.", filter),
		})
	}
	if cause, is := Revision(v, pod); is {
		all = append(all, cause)
	}
	if len(all) == 0 {
		all = append(all, Cause{Kind: CauseBehind, Message: fmt.Sprintf("The proxy is behind: the last of its configuration came at %s. "+
			"It has not been given what the objects come to, or its control plane cannot be reached.", facts.Changed.UTC().Format(timeLayout))})
	}
	return all
}

// timeLayout is how times are written: to the second, in UTC.
const timeLayout = "2006-01-02T15:04:05Z"

// filtersOf returns the EnvoyFilters for the pod's proxy.
// Source: istio pilot/pkg/model/push_context.go, EnvoyFilters.
func filtersOf(v *mesh.View, pod *model.Workload) []model.ObjectRef {
	var all []model.ObjectRef
	for _, other := range v.Others() {
		inScope := other.Namespace == pod.Namespace || other.Namespace == v.Mesh().RootNamespace
		if other.Kind == model.KindEnvoyFilter && len(other.Targets) == 0 && inScope && pods.Matches(other.Selector, pod.Labels) {
			all = append(all, other.ObjectRef)
		}
	}
	return all
}

// Revision says that the pod's proxy belongs to another revision than one that were made now would.
func Revision(v *mesh.View, pod *model.Workload) (Cause, bool) {
	labels := v.Namespace(pod.Namespace).Labels
	has := v.Revisions().OfPods(pod, labels)
	made := *pod
	made.Revision = ""
	asked := v.Revisions().OfPods(&made, labels)
	if pod.Revision == "" || has == asked {
		return Cause{}, false
	}
	return Cause{Kind: CauseRevision, Message: fmt.Sprintf(
		"The proxy is of revision %s, and namespace %s asks for %s: restart the pod for its proxy to follow.",
		revisionName(has), pod.Namespace, revisionName(asked))}, true
}

// revisionName returns the name of a revision in a sentence.
func revisionName(revision string) string {
	if revision == "" {
		return "default"
	}
	return revision
}
