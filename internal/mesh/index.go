package mesh

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/gatewayapi"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/istio/revisions"
	"github.com/meshtls/meshtls/internal/istio/routes"
	"github.com/meshtls/meshtls/internal/istio/scopes"
	"github.com/meshtls/meshtls/internal/model"
)

// index holds what is looked up in an inventory. Each part is built when it is first asked for: most namespaces have nothing that most
// questions are about.
type index struct {
	// istio is what Istio makes of the PeerAuthentications, DestinationRules and Gateways.
	istio      func() *istio.Model
	namespaces func() map[string]model.Namespace
	pods       func() pods.Index
	podsIn     func() pods.Namespaces
	// byAddress are the pods by the addresses of each.
	byAddress func() map[string]*model.Workload
	// byServiceAddress are the Services with a selector by their names, in full, and by their own addresses.
	byServiceAddress func() map[string]*model.Service
	services         func() map[string][]*model.Service
	authorizations   func() map[string][]*istiosecurityv1.AuthorizationPolicy
	clients          func() Clients
	destinations     func() destinations.Index
	// backends are what is behind a destination.
	backends func(*destinations.Destination) *backends
	// fronts are the destinations that select pods, by namespace.
	fronts func() map[string]fronts
	// known are the hosts that the clients of a namespace see.
	known       func(namespace string) map[string]model.Host
	traffic     func() routing
	sidecars    func() scopes.Sidecars
	revisions   func() revisions.Revisions
	credentials func() map[model.ObjectRef]*model.Credential
	// listeners are those of the Kubernetes Gateway API's Gateways.
	listeners func() []gatewayapi.Listener
	// routed are the VirtualServices that name a Gateway, by the Gateway.
	routed func() map[types.NamespacedName][]*istionetworkingv1.VirtualService
	// inMesh are the VirtualServices for the sidecars of a namespace.
	inMesh func(namespace string) []*istionetworkingv1.VirtualService
	// derived is what readers made of the view, by its type.
	derived sync.Map
}

func newIndex(i model.Inventory) *index {
	domain := hosts.Domain(i.Mesh.ClusterDomain)
	x := &index{
		istio:            sync.OnceValue(func() *istio.Model { return istio.New(istio.WorldOf(i)) }),
		namespaces:       sync.OnceValue(func() map[string]model.Namespace { return namespacesByName(i.Namespaces) }),
		pods:             sync.OnceValue(func() pods.Index { return pods.NewIndex(i.Workloads) }),
		podsIn:           sync.OnceValue(func() pods.Namespaces { return pods.ByNamespace(i.Workloads) }),
		byAddress:        sync.OnceValue(func() map[string]*model.Workload { return podsByAddress(i.Workloads) }),
		byServiceAddress: sync.OnceValue(func() map[string]*model.Service { return servicesByAddress(domain, i.Services) }),
		services:         sync.OnceValue(func() map[string][]*model.Service { return servicesByNamespace(i.Services) }),
		authorizations: sync.OnceValue(func() map[string][]*istiosecurityv1.AuthorizationPolicy {
			return byNamespace(i.AuthorizationPolicies)
		}),
		clients:      sync.OnceValue(func() Clients { return newClients(i) }),
		destinations: sync.OnceValue(func() destinations.Index { return destinations.NewIndex(i) }),
		traffic:      sync.OnceValue(func() routing { return newRouting(domain, i.VirtualServices) }),
		sidecars:     sync.OnceValue(func() scopes.Sidecars { return scopes.NewSidecars(i.Mesh, i.Sidecars) }),
		listeners:    sync.OnceValue(func() []gatewayapi.Listener { return gatewayapi.Listeners(i) }),
		revisions:    sync.OnceValue(func() revisions.Revisions { return revisions.New(i.Tags) }),
		credentials:  sync.OnceValue(func() map[model.ObjectRef]*model.Credential { return credentialsByRef(i.Credentials) }),
		routed: sync.OnceValue(func() map[types.NamespacedName][]*istionetworkingv1.VirtualService {
			return routes.ByGateway(i.VirtualServices)
		}),
	}
	x.fronts = sync.OnceValue(func() map[string]fronts { return newFronts(x.destinations().All()) })
	x.known = remembered(func(namespace string) map[string]model.Host { return x.destinations().KnownTo(namespace) })
	x.inMesh = remembered(func(namespace string) []*istionetworkingv1.VirtualService {
		return routes.InMesh(i.VirtualServices, namespace, i.Mesh.DefaultVirtualServiceExportTo)
	})
	return x
}

// governedBy returns the index of the inventory, which differs from this one's in PeerAuthentications, DestinationRules and Gateways only.
func (x *index) governedBy(i model.Inventory) *index {
	other := newIndex(i)
	other.istio = sync.OnceValue(func() *istio.Model { return x.istio().With(istio.WorldOf(i)) })
	other.namespaces, other.pods, other.podsIn, other.services = x.namespaces, x.pods, x.podsIn, x.services
	other.authorizations, other.credentials, other.listeners = x.authorizations, x.credentials, x.listeners
	other.byAddress, other.byServiceAddress, other.sidecars = x.byAddress, x.byServiceAddress, x.sidecars
	other.destinations, other.backends, other.fronts, other.known = x.destinations, x.backends, x.fronts, x.known
	other.traffic, other.routed, other.inMesh = x.traffic, x.routed, x.inMesh
	return other
}

// remembered asks once for each key.
func remembered[K comparable, V any](ask func(K) V) func(K) V {
	var known sync.Map
	return func(key K) V {
		if value, found := known.Load(key); found {
			return value.(V)
		}
		value := ask(key)
		known.Store(key, value)
		return value
	}
}

func namespacesByName(all []model.Namespace) map[string]model.Namespace {
	byName := make(map[string]model.Namespace, len(all))
	for _, n := range all {
		byName[n.Name] = n
	}
	return byName
}

func podsByAddress(all []*model.Workload) map[string]*model.Workload {
	byAddress := map[string]*model.Workload{}
	for _, w := range all {
		for _, pod := range w.Pods {
			for _, address := range pod.Addresses {
				byAddress[address] = w
			}
		}
	}
	return byAddress
}

func servicesByAddress(domain hosts.Domain, all []model.Service) map[string]*model.Service {
	byAddress := map[string]*model.Service{}
	for i := range all {
		if len(all[i].Selector) == 0 {
			continue
		}
		byAddress[domain.OfService(all[i].Namespace, all[i].Name)] = &all[i]
		for _, address := range all[i].Addresses {
			byAddress[address] = &all[i]
		}
	}
	return byAddress
}

func servicesByNamespace(all []model.Service) map[string][]*model.Service {
	sorted := map[string][]*model.Service{}
	for i := range all {
		sorted[all[i].Namespace] = append(sorted[all[i].Namespace], &all[i])
	}
	return sorted
}

func byNamespace[T metav1.Object](all []T) map[string][]T {
	sorted := map[string][]T{}
	for _, o := range all {
		sorted[o.GetNamespace()] = append(sorted[o.GetNamespace()], o)
	}
	return sorted
}

// inOrder sorts the lists by namespace and name, so that which pod or object stands as an example does not depend on who took the
// inventory.
func inOrder(i model.Inventory) model.Inventory {
	i.Workloads = sorted(i.Workloads, func(a, b *model.Workload) int {
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
	i.Sidecars = sortedObjects(i.Sidecars)
	i.KubernetesGateways = sortedObjects(i.KubernetesGateways)
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

func credentialsByRef(all []model.Credential) map[model.ObjectRef]*model.Credential {
	byRef := make(map[model.ObjectRef]*model.Credential, len(all))
	for i := range all {
		byRef[model.ObjectRef{Kind: all[i].Kind, Namespace: all[i].Namespace, Name: all[i].Name}] = &all[i]
	}
	return byRef
}
