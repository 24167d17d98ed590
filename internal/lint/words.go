package lint

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

// Finding begins a finding about a field of an object; the caller adds the words.
func Finding(severity Severity, kind string, o metav1.Object, field string) model.Finding {
	return model.Finding{Severity: severity, Subject: model.RefOf(kind, o), Field: field}
}

// CountPods counts the pods and names one: the first by name, so that the words do not depend on any order.
func CountPods(workloads []*model.Workload) string {
	count := pods.Count(workloads)
	if count == 1 {
		return "pod " + OnePod(workloads)
	}
	return fmt.Sprintf("%d pods (%s is one)", count, OnePod(workloads))
}

// OnePod names the first of the pods.
func OnePod(workloads []*model.Workload) string {
	first := FirstPod(workloads)
	return first.Namespace + "/" + first.Example
}

// FirstPod returns the first of the pods by name.
func FirstPod(workloads []*model.Workload) *model.Workload {
	return slices.MinFunc(workloads, ComparePods)
}

// ComparePods orders pods by namespace and name.
func ComparePods(a, b *model.Workload) int {
	return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Example, b.Example))
}

// Labels lists labels as a selector is written: app=web,tier=front.
func Labels(labels map[string]string) string {
	words := make([]string, 0, len(labels))
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		words = append(words, key+"="+labels[key])
	}
	return strings.Join(words, ",")
}

// shown is how many names a message lists.
const shown = 3

// ListNames lists the first of many names, and counts the others.
func ListNames(names []string) string {
	words := strings.Join(names[:min(len(names), shown)], ", ")
	if more := len(names) - shown; more > 0 {
		words = fmt.Sprintf("%s and %d more", words, more)
	}
	return words
}
