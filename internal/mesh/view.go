package mesh

import (
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshtls/meshtls/internal/istio/scopes"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/versions"
)

// View is the mesh as the control plane of one revision sees it. It holds only objects that this one reads, never changes, and may be
// asked from many goroutines. Each part asks the one below: calls and their outcomes the network, and that the contents.
type View struct{ network }

// network is who calls whom in a mesh: clients, destinations with their endpoints, and what the model of Istio says of them.
type network struct{ contents }

// contents are the objects of a view, indexed.
type contents struct {
	inventory model.Inventory
	revision  string
	// everyGateway are the Gateways of all revisions, tagged the objects that name a tag.
	everyGateway []*istionetworkingv1.Gateway
	tagged       []Tagged
	index        *index
	// reads is where the kinds that are asked for are noted; nil: nowhere.
	reads *Reads
}

// New returns the view of the revision's control plane; the empty revision is the default one's. It keeps the objects of the
// inventory, and indexes them when they are first asked for.
func New(i model.Inventory, revision string) *View {
	i = scopes.Discovered(i)
	v := &View{network{contents{revision: revision, everyGateway: i.Gateways, tagged: taggedIn(i)}}}
	v.inventory = inOrder(i.InRevision(revision))
	v.inventory.Mesh.Version = versions.OfRevision(i.Tags, revision)
	v.index = newIndex(v.inventory)
	v.index.backends = remembered(v.findBackends)
	return v
}

// Revision returns the control plane's; empty: the default one.
func (v *contents) Revision() string { return v.revision }

// Partial reports whether objects may exist that the view does not hold: then nothing follows from their absence.
func (v *contents) Partial() bool { return v.inventory.Partial }

// Omits reports whether a manifest leaves out the field of a DestinationRule, which Istio's API cannot tell from the zero value.
func (v *contents) Omits(field model.FieldRef) bool {
	v.note(model.KindDestinationRule)
	return v.inventory.Omitted.Has(field)
}

// Now is when the inventory was taken.
func (v *contents) Now() metav1.Time { return v.inventory.Now }

// Mesh returns what Istio's mesh config says.
func (v *contents) Mesh() model.Mesh {
	v.note(model.KindConfigMap)
	return v.inventory.Mesh
}

// Namespaces returns the namespaces, by name.
func (v *contents) Namespaces() []model.Namespace {
	v.note(model.KindNamespace)
	return v.inventory.Namespaces
}

// Namespace finds a namespace; one that is not known has no labels.
func (v *contents) Namespace(name string) model.Namespace {
	v.note(model.KindNamespace)
	return v.index.namespaces()[name]
}

// Services returns the Services, by namespace and name.
func (v *contents) Services() []model.Service {
	v.note(model.KindService)
	return v.inventory.Services
}

// ServicesIn returns the Services of the namespace, by name.
func (v *contents) ServicesIn(namespace string) []*model.Service {
	v.note(model.KindService)
	return v.index.services()[namespace]
}

// Workloads returns the pods, grouped by shape, by namespace and name.
func (v *contents) Workloads() []*model.Workload {
	v.note(model.KindPod)
	return v.inventory.Workloads
}

// Selected returns the workloads of the namespace that have the labels; no labels: all of them.
func (v *contents) Selected(namespace string, labels map[string]string) []*model.Workload {
	v.note(model.KindPod)
	return v.index.podsIn().Selected(namespace, labels)
}

// GatewayPods returns the workloads, of any namespace, that a Gateway is for: without a selector, all that are gateways.
func (v *contents) GatewayPods(selector map[string]string) []*model.Workload {
	v.note(model.KindPod)
	if len(selector) > 0 {
		return v.index.pods().Selected(selector)
	}
	return slices.DeleteFunc(slices.Clone(v.inventory.Workloads), func(w *model.Workload) bool { return !w.Gateway })
}

// ProxiesOf returns the pods with a proxy that the Gateway selects.
func (v *contents) ProxiesOf(g *istionetworkingv1.Gateway) []*model.Workload {
	var proxies []*model.Workload
	for _, w := range v.GatewayPods(g.Spec.Selector) {
		if w.Dataplane == model.DataplaneSidecar {
			proxies = append(proxies, w)
		}
	}
	return proxies
}

// PeerAuthentications returns the PeerAuthentications, by namespace and name.
func (v *contents) PeerAuthentications() []*istiosecurityv1.PeerAuthentication {
	v.note(model.KindPeerAuthentication)
	return v.inventory.PeerAuthentications
}

// DestinationRules returns the DestinationRules, by namespace and name.
func (v *contents) DestinationRules() []*istionetworkingv1.DestinationRule {
	v.note(model.KindDestinationRule)
	return v.inventory.DestinationRules
}

// Gateways returns the Gateways, by namespace and name.
func (v *contents) Gateways() []*istionetworkingv1.Gateway {
	v.note(model.KindGateway)
	return v.inventory.Gateways
}

// EveryGateway returns the Gateways of all revisions: one that this control plane does not read may be there for another.
func (v *contents) EveryGateway() []*istionetworkingv1.Gateway {
	v.note(model.KindGateway)
	return v.everyGateway
}

// VirtualServices returns the VirtualServices, by namespace and name.
func (v *contents) VirtualServices() []*istionetworkingv1.VirtualService {
	v.note(model.KindVirtualService)
	return v.inventory.VirtualServices
}

// ServiceEntries returns the ServiceEntries, by namespace and name.
func (v *contents) ServiceEntries() []*istionetworkingv1.ServiceEntry {
	v.note(model.KindServiceEntry)
	return v.inventory.ServiceEntries
}

// WorkloadEntries returns the WorkloadEntries, by namespace and name.
func (v *contents) WorkloadEntries() []*istionetworkingv1.WorkloadEntry {
	v.note(model.KindWorkloadEntry)
	return v.inventory.WorkloadEntries
}

// AuthorizationPoliciesIn returns the AuthorizationPolicies of the namespace, by name.
func (v *contents) AuthorizationPoliciesIn(namespace string) []*istiosecurityv1.AuthorizationPolicy {
	v.note(model.KindAuthorizationPolicy)
	return v.index.authorizations()[namespace]
}

// AuthorizationPolicies returns the AuthorizationPolicies, by namespace and name.
func (v *contents) AuthorizationPolicies() []*istiosecurityv1.AuthorizationPolicy {
	v.note(model.KindAuthorizationPolicy)
	return v.inventory.AuthorizationPolicies
}

// Others returns the objects that change what proxies do and that the model does not interpret.
func (v *contents) Others() []model.Other {
	v.note(model.KindEnvoyFilter, model.KindGatewayAPIGateway)
	return v.inventory.Others
}

// Webhooks returns the webhooks that the API server calls at Services.
func (v *contents) Webhooks() []model.Webhook {
	v.note(model.KindMutatingWebhook, model.KindValidatingWebhook)
	return v.inventory.Webhooks
}
