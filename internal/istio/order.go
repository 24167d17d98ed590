package istio

import (
	"cmp"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Unborn is the age of an object that is not in the cluster yet: it will be younger than everything that is.
var Unborn = metav1.Unix(253370764800, 0)

// OldestFirst orders objects as Istio does before it lets the first of them win: by age, then by name, then by namespace.
// Source: istio pilot/pkg/model/config.go, configCompareByCreationTime.
func OldestFirst[T metav1.Object](objects []T) []T {
	ordered := slices.Clone(objects)
	slices.SortFunc(ordered, func(a, b T) int { return compareAge(a, b) })
	return ordered
}

func compareAge(a, b metav1.Object) int {
	at, bt := a.GetCreationTimestamp(), b.GetCreationTimestamp()
	return cmp.Or(at.Compare(bt.Time), cmp.Compare(a.GetName(), b.GetName()), cmp.Compare(a.GetNamespace(), b.GetNamespace()))
}
