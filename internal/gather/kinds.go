package gather

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istionetworkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/verbatim"
)

func newGathering(reader client.Reader, namespace string, options Options) *gathering {
	if options.IstioNamespace == "" {
		options.IstioNamespace = DefaultIstioNamespace
	}
	g := &gathering{reader: reader, namespace: namespace, options: options}
	g.ofKubernetes()
	g.ofIstio()
	g.ofGatewayAPI()
	return g
}

// ofKind is nothing yet of a kind whose lists are of type L.
func ofKind[T client.Object, L any, P interface {
	*L
	client.ObjectList
}](g *gathering, kind string, items func(P) []T) found[T] {
	return found[T]{of: g, kind: kind, list: func() (client.ObjectList, func() []T) {
		into := P(new(L))
		return into, func() []T { return items(into) }
	}}
}

func (g *gathering) ofKubernetes() {
	g.namespaces = ofKind(g, model.KindNamespace, func(l *corev1.NamespaceList) []*corev1.Namespace { return pointers(l.Items) })
	g.namespaces.object = func() (client.Object, *corev1.Namespace) {
		into := &corev1.Namespace{}
		return into, into
	}
	g.services = ofKind(g, model.KindService, func(l *corev1.ServiceList) []*corev1.Service { return pointers(l.Items) })
	g.services.object = func() (client.Object, *corev1.Service) {
		into := &corev1.Service{}
		return into, into
	}
	g.pods = ofKind(g, model.KindPod, func(l *corev1.PodList) []*corev1.Pod { return pointers(l.Items) })
	g.endpointSlices = ofKind(g, model.KindEndpointSlice, func(l *discoveryv1.EndpointSliceList) []*discoveryv1.EndpointSlice {
		return pointers(l.Items)
	})
	g.ingresses = ofKind(g, model.KindIngress, func(l *networkingv1.IngressList) []*networkingv1.Ingress { return pointers(l.Items) })
	g.ingressClasses = ofKind(g, model.KindIngressClass, func(l *networkingv1.IngressClassList) []*networkingv1.IngressClass {
		return pointers(l.Items)
	})
}

func (g *gathering) ofIstio() {
	g.peerAuthentications = ofKind(g, model.KindPeerAuthentication,
		(*verbatim.PeerAuthenticationList).Plain)
	g.authorizationPolicies = ofKind(g, model.KindAuthorizationPolicy,
		func(l *istiosecurityv1.AuthorizationPolicyList) []*istiosecurityv1.AuthorizationPolicy {
			return l.Items
		})
	g.destinationRules = ofKind(g, model.KindDestinationRule,
		(*verbatim.DestinationRuleList).Plain)
	g.gateways = ofKind(g, model.KindGateway,
		(*verbatim.GatewayList).Plain)
	g.gateways.object = func() (client.Object, *istionetworkingv1.Gateway) {
		into := &verbatim.Gateway{}
		return into, &into.Gateway
	}
	g.serviceEntries = ofKind(g, model.KindServiceEntry,
		func(l *istionetworkingv1.ServiceEntryList) []*istionetworkingv1.ServiceEntry { return l.Items })
	g.sidecars = ofKind(g, model.KindSidecar,
		func(l *istionetworkingv1.SidecarList) []*istionetworkingv1.Sidecar { return l.Items })
	g.virtualServices = ofKind(g, model.KindVirtualService,
		func(l *istionetworkingv1.VirtualServiceList) []*istionetworkingv1.VirtualService { return l.Items })
	g.workloadEntries = ofKind(g, model.KindWorkloadEntry,
		func(l *istionetworkingv1.WorkloadEntryList) []*istionetworkingv1.WorkloadEntry { return l.Items })
	g.envoyFilters = ofKind(g, model.KindEnvoyFilter,
		func(l *istionetworkingv1alpha3.EnvoyFilterList) []*istionetworkingv1alpha3.EnvoyFilter {
			return l.Items
		})
}

// gatewayAPIGroup is the API group of the Kubernetes Gateway API.
const gatewayAPIGroup = "gateway.networking.k8s.io"

// GatewayAPI are the kinds of the Gateway API that are looked at, in the version that Istio reads. Of routes only their metadata
// and what they are for is read, so no types of theirs are needed.
var GatewayAPI = map[string]schema.GroupVersionKind{
	model.KindGatewayAPIGateway: {Group: gatewayAPIGroup, Version: "v1", Kind: "Gateway"},
	model.KindHTTPRoute:         {Group: gatewayAPIGroup, Version: "v1", Kind: "HTTPRoute"},
	model.KindGRPCRoute:         {Group: gatewayAPIGroup, Version: "v1", Kind: "GRPCRoute"},
	model.KindTLSRoute:          {Group: gatewayAPIGroup, Version: "v1", Kind: "TLSRoute"},
	model.KindTCPRoute:          {Group: gatewayAPIGroup, Version: "v1", Kind: "TCPRoute"},
	model.KindBackendTLSPolicy:  {Group: gatewayAPIGroup, Version: "v1", Kind: "BackendTLSPolicy"},
	model.KindReferenceGrant:    {Group: gatewayAPIGroup, Version: "v1beta1", Kind: "ReferenceGrant"},
}

// NewGatewayAPI makes an empty object of a kind of GatewayAPI.
func NewGatewayAPI(kind string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(GatewayAPI[kind])
	return object
}

func (g *gathering) ofGatewayAPI() {
	g.gatewayAPI = make(map[string]*found[*unstructured.Unstructured], len(GatewayAPI))
	for kind, gvk := range GatewayAPI {
		objects := ofKind(g, kind, func(l *unstructured.UnstructuredList) []*unstructured.Unstructured { return pointers(l.Items) })
		empty := objects.list
		objects.list = func() (client.ObjectList, func() []*unstructured.Unstructured) {
			l, items := empty()
			l.GetObjectKind().SetGroupVersionKind(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
			return l, items
		}
		g.gatewayAPI[kind] = &objects
	}
}

// Kinds returns the kinds that a snapshot may be made of, by the names that Reads have.
func Kinds() []string {
	kinds := append(slices.Collect(maps.Keys(GatewayAPI)),
		model.KindPolicy, model.KindNamespace, model.KindConfigMap, model.KindSecret, model.KindMutatingWebhook, model.KindValidatingWebhook,
		model.KindService, model.KindPod, model.KindEndpointSlice, model.KindIngress, model.KindIngressClass,
		model.KindPeerAuthentication, model.KindDestinationRule, model.KindGateway, model.KindServiceEntry,
		model.KindSidecar, model.KindVirtualService, model.KindWorkloadEntry, model.KindEnvoyFilter, model.KindAuthorizationPolicy)
	slices.Sort(kinds)
	return kinds
}
