package lint

import (
	"cmp"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshtls/meshtls/internal/model"
)

// inOrder puts the lists into the order of namespaces and names, so that which pod or object a finding takes for its example does not
// depend on who took the inventory.
func inOrder(i model.Inventory) model.Inventory {
	i.Workloads = sorted(i.Workloads, func(a, b model.Workload) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Example, b.Example))
	})
	i.Services = sorted(i.Services, func(a, b model.Service) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	i.PeerAuthentications = sortedObjects(i.PeerAuthentications)
	i.DestinationRules = sortedObjects(i.DestinationRules)
	i.Gateways = sortedObjects(i.Gateways)
	i.VirtualServices = sortedObjects(i.VirtualServices)
	i.ServiceEntries = sortedObjects(i.ServiceEntries)
	i.WorkloadEntries = sortedObjects(i.WorkloadEntries)
	i.AuthorizationPolicies = sortedObjects(i.AuthorizationPolicies)
	return i
}

func sortedObjects[T metav1.Object](objects []T) []T {
	return sorted(objects, func(a, b T) int {
		return cmp.Or(strings.Compare(a.GetNamespace(), b.GetNamespace()), strings.Compare(a.GetName(), b.GetName()))
	})
}

// sorted leaves the list of the caller as it is.
func sorted[T any](list []T, compare func(a, b T) int) []T {
	if slices.IsSortedFunc(list, compare) {
		return list
	}
	return slices.SortedFunc(slices.Values(list), compare)
}
