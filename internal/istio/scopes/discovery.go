package scopes

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/model"
)

// Discovered returns the inventory with only the objects of namespaces that the control plane looks into: the list itself where that is all
// of it. The namespaces stay, and so do the pods: their proxies ask the control plane for configuration wherever they run.
// Source: istio pkg/kube/namespace/filter.go, Filter and isSelectedLocked.
func Discovered(i model.Inventory) model.Inventory {
	selectors, all := discoverySelectors(i.Mesh)
	if all {
		return i
	}
	seen := sets.New[string]()
	for _, n := range i.Namespaces {
		if selects(selectors, n.Labels) {
			seen.Insert(n.Name)
		}
	}
	i.Services = within(i.Services, func(s model.Service) bool { return seen.Has(s.Namespace) })
	i.Endpoints = within(i.Endpoints, func(e model.EndpointSlice) bool { return seen.Has(e.Namespace) })
	i.Others = within(i.Others, func(o model.Other) bool { return seen.Has(o.Namespace) })
	i.ServiceEntries, i.WorkloadEntries = objectsIn(i.ServiceEntries, seen), objectsIn(i.WorkloadEntries, seen)
	i.PeerAuthentications, i.DestinationRules = objectsIn(i.PeerAuthentications, seen), objectsIn(i.DestinationRules, seen)
	i.Gateways, i.VirtualServices = objectsIn(i.Gateways, seen), objectsIn(i.VirtualServices, seen)
	i.Sidecars, i.AuthorizationPolicies = objectsIn(i.Sidecars, seen), objectsIn(i.AuthorizationPolicies, seen)
	i.Ingresses = objectsIn(i.Ingresses, seen)
	i.KubernetesGateways, i.ReferenceGrants = objectsIn(i.KubernetesGateways, seen), objectsIn(i.ReferenceGrants, seen)
	return i
}

// Sees reports whether the control plane looks into a namespace with the labels.
func Sees(mesh model.Mesh, namespace map[string]string) bool {
	selectors, all := discoverySelectors(mesh)
	return all || selects(selectors, namespace)
}

func selects(selectors []labels.Selector, namespace map[string]string) bool {
	return slices.ContainsFunc(selectors, func(s labels.Selector) bool { return s.Matches(labels.Set(namespace)) })
}

// discoverySelectors reads the mesh's. Istio starts with none where one of them is invalid: it then looks into all namespaces.
// Source: istio pkg/kube/namespace/filter.go, selectorsChanged.
func discoverySelectors(mesh model.Mesh) (selectors []labels.Selector, all bool) {
	for i := range mesh.DiscoverySelectors {
		selector, err := metav1.LabelSelectorAsSelector(&mesh.DiscoverySelectors[i])
		if err != nil {
			return nil, true
		}
		selectors = append(selectors, selector)
	}
	return selectors, len(selectors) == 0
}

func within[T any](all []T, seen func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(all), func(o T) bool { return !seen(o) })
}

func objectsIn[T metav1.Object](all []T, seen sets.Set[string]) []T {
	return within(all, func(o T) bool { return seen.Has(o.GetNamespace()) })
}
