package gather

import (
	"maps"
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istionetworkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/routes"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/render"
	"github.com/meshtls/meshtls/internal/verbatim"
)

// The fields by which objects are looked up.
const (
	// IndexPodLabel: pods by each of their labels, key=value.
	IndexPodLabel = ".metadata.labels"
	// IndexPodAddress: pods by their IP addresses.
	IndexPodAddress = ".status.podIPs"
	// IndexServiceTag: Services by whether they are those of a revision tag, "true" for those that are.
	IndexServiceTag = ".metadata.labels.tag"
	// IndexEndpointSliceService: EndpointSlices by the name of their Service.
	IndexEndpointSliceService = ".metadata.labels.service"
	// IndexAddress: EndpointSlices, ServiceEntries and WorkloadEntries by the addresses that they hold.
	IndexAddress = ".addresses"
	// IndexServiceEntryHost: ServiceEntries by the hosts they declare.
	IndexServiceEntryHost = ".spec.hosts"
	// IndexServiceEntryWildcard: ServiceEntries by the wildcards above the hosts they declare.
	IndexServiceEntryWildcard = ".spec.hosts.wildcards"
	// IndexWorkloadEntryLabel: WorkloadEntries by each of their labels, key=value.
	IndexWorkloadEntryLabel = ".spec.labels"
	// IndexDestinationRuleHost: DestinationRules by their host, qualified.
	IndexDestinationRuleHost = ".spec.host"
	// IndexDestinationRuleWildcard: DestinationRules by the wildcards above their host.
	IndexDestinationRuleWildcard = ".spec.host.wildcards"
	// IndexGatewayLabel: Gateways by the first label, key=value, of their selector; "*" for those without one.
	IndexGatewayLabel = ".spec.selector"
	// IndexVirtualServiceHost: VirtualServices by their hosts, qualified.
	IndexVirtualServiceHost = ".spec.hosts"
	// IndexVirtualServiceWildcard: VirtualServices by the wildcards above their hosts.
	IndexVirtualServiceWildcard = ".spec.hosts.wildcards"
	// IndexVirtualServiceGateway: VirtualServices by the Gateways that they name, as namespace/name.
	IndexVirtualServiceGateway = ".spec.gateways"
	// IndexVirtualServiceLeadsTo: VirtualServices by the hosts that their routes lead to, and the wildcards above these.
	IndexVirtualServiceLeadsTo = ".spec.route.destination.host"
	// IndexVirtualServicePassesTo: VirtualServices by the hosts that their tls routes lead to, and the wildcards above these.
	IndexVirtualServicePassesTo = ".spec.tls.route.destination.host"
	// IndexWebhookNamespace: webhook configurations by the namespaces of the Services that the API server calls for them.
	IndexWebhookNamespace = ".webhooks.clientConfig.service.namespace"
	// IndexInjector: MutatingWebhookConfigurations by whether they are those of an injector, "true" for those that are.
	IndexInjector = ".metadata.labels.revision"
)

// isTrue is the value of the indexes that say whether an object is one of a sort.
const isTrue = "true"

// Index is a field by which a reader must be able to list a kind.
type Index struct {
	// Kind and Object are the kind that is indexed.
	Kind   string
	Object client.Object
	// Field is what client.MatchingFields names.
	Field string
	// Extract gives the values by which an object is found.
	Extract client.IndexerFunc
}

// Indexes are what a reader needs for Snapshot.
var Indexes = []Index{
	{model.KindPod, &corev1.Pod{}, IndexPodLabel, extract(podLabels)},
	{model.KindPod, &corev1.Pod{}, IndexPodAddress, extract(podAddresses)},
	{model.KindService, &corev1.Service{}, IndexServiceTag, extract(isTag)},
	{model.KindEndpointSlice, &discoveryv1.EndpointSlice{}, IndexEndpointSliceService, extract(sliceService)},
	{model.KindEndpointSlice, &discoveryv1.EndpointSlice{}, IndexAddress, extract(sliceAddresses)},
	{model.KindServiceEntry, &istionetworkingv1.ServiceEntry{}, IndexServiceEntryHost, extract(serviceEntryHosts)},
	{model.KindServiceEntry, &istionetworkingv1.ServiceEntry{}, IndexServiceEntryWildcard, extract(serviceEntryWildcards)},
	{model.KindServiceEntry, &istionetworkingv1.ServiceEntry{}, IndexAddress, extract(serviceEntryAddresses)},
	{model.KindWorkloadEntry, &istionetworkingv1.WorkloadEntry{}, IndexWorkloadEntryLabel, extract(workloadEntryLabels)},
	{model.KindWorkloadEntry, &istionetworkingv1.WorkloadEntry{}, IndexAddress, extract(workloadEntryAddresses)},
	{model.KindDestinationRule, &verbatim.DestinationRule{}, IndexDestinationRuleHost, extract(destinationRuleHosts)},
	{model.KindDestinationRule, &verbatim.DestinationRule{}, IndexDestinationRuleWildcard, extract(destinationRuleWildcards)},
	{model.KindGateway, &verbatim.Gateway{}, IndexGatewayLabel, extract(gatewayLabel)},
	{model.KindVirtualService, &istionetworkingv1.VirtualService{}, IndexVirtualServiceHost, extract(virtualServiceHosts)},
	{model.KindVirtualService, &istionetworkingv1.VirtualService{}, IndexVirtualServiceWildcard, extract(virtualServiceWildcards)},
	{model.KindVirtualService, &istionetworkingv1.VirtualService{}, IndexVirtualServiceGateway, extract(virtualServiceGateways)},
	{model.KindVirtualService, &istionetworkingv1.VirtualService{}, IndexVirtualServiceLeadsTo, extract(ledTo)},
	{model.KindVirtualService, &istionetworkingv1.VirtualService{}, IndexVirtualServicePassesTo, extract(passedTo)},
	{model.KindMutatingWebhook, &admissionregistrationv1.MutatingWebhookConfiguration{}, IndexWebhookNamespace, webhookNamespaces},
	{model.KindMutatingWebhook, &admissionregistrationv1.MutatingWebhookConfiguration{}, IndexInjector, extract(isInjector)},
	{model.KindValidatingWebhook, &admissionregistrationv1.ValidatingWebhookConfiguration{}, IndexWebhookNamespace, webhookNamespaces},
	{model.KindPeerAuthentication, &verbatim.PeerAuthentication{}, IndexUndecoded, isUndecoded},
	{model.KindDestinationRule, &verbatim.DestinationRule{}, IndexUndecoded, isUndecoded},
	{model.KindGateway, &verbatim.Gateway{}, IndexUndecoded, isUndecoded},
	{model.KindServiceEntry, &istionetworkingv1.ServiceEntry{}, IndexUndecoded, isUndecoded},
	{model.KindVirtualService, &istionetworkingv1.VirtualService{}, IndexUndecoded, isUndecoded},
	{model.KindWorkloadEntry, &istionetworkingv1.WorkloadEntry{}, IndexUndecoded, isUndecoded},
	{model.KindSidecar, &istionetworkingv1.Sidecar{}, IndexUndecoded, isUndecoded},
	{model.KindEnvoyFilter, &istionetworkingv1alpha3.EnvoyFilter{}, IndexUndecoded, isUndecoded},
}

// extract fits a function of one kind to an index.
func extract[T client.Object](values func(T) []string) client.IndexerFunc {
	return func(object client.Object) []string {
		typed, ok := verbatim.Plain(object).(T)
		if !ok {
			return nil
		}
		return values(typed)
	}
}

// renderedGateway returns the Gateway that is rendered for a policy with a gateway target, as namespace/name.
func renderedGateway(policy *meshtlsv1alpha1.MeshTLSPolicy) string {
	return policy.Namespace + "/" + render.GatewayName(policy.Name)
}

func podLabels(pod *corev1.Pod) []string {
	return labelPairs(pod.Labels)
}

// podAddresses returns the pod's IP addresses. One that shares its node's network has the node's, which others have too.
func podAddresses(pod *corev1.Pod) []string {
	if pod.Spec.HostNetwork {
		return nil
	}
	var all []string
	for _, address := range pod.Status.PodIPs {
		all = append(all, address.IP)
	}
	if len(all) == 0 && pod.Status.PodIP != "" {
		all = append(all, pod.Status.PodIP)
	}
	return all
}

// serviceEntryHosts returns the hosts that the ServiceEntry declares, each once.
func serviceEntryHosts(entry *istionetworkingv1.ServiceEntry) []string {
	all := slices.Sorted(slices.Values(entry.Spec.GetHosts()))
	return slices.Compact(all)
}

func serviceEntryWildcards(entry *istionetworkingv1.ServiceEntry) []string {
	return wildcardsAbove(serviceEntryHosts(entry))
}

func serviceEntryAddresses(entry *istionetworkingv1.ServiceEntry) []string {
	var all []string
	for _, endpoint := range entry.Spec.GetEndpoints() {
		all = append(all, endpoint.GetAddress())
	}
	return all
}

func workloadEntryLabels(entry *istionetworkingv1.WorkloadEntry) []string {
	return labelPairs(entry.Spec.GetLabels())
}

func workloadEntryAddresses(entry *istionetworkingv1.WorkloadEntry) []string {
	return []string{entry.Spec.GetAddress()}
}

func sliceService(slice *discoveryv1.EndpointSlice) []string {
	return []string{slice.Labels[discoveryv1.LabelServiceName]}
}

func sliceAddresses(slice *discoveryv1.EndpointSlice) []string {
	var all []string
	for i := range slice.Endpoints {
		all = append(all, slice.Endpoints[i].Addresses...)
	}
	return all
}

// destinationRuleHosts returns the host that the rule stands for, qualified in the default domain: the cluster's is not known here.
func destinationRuleHosts(rule *istionetworkingv1.DestinationRule) []string {
	return []string{hosts.Default.Qualify(rule.Spec.GetHost(), rule.Namespace)}
}

func destinationRuleWildcards(rule *istionetworkingv1.DestinationRule) []string {
	return wildcardsAbove(destinationRuleHosts(rule))
}

// everyGateway is the value of IndexGatewayLabel of a Gateway that is for all gateways.
const everyGateway = "*"

// gatewayLabel is one label only: a pod that lacks it is not selected, and for one that has it the others are compared.
func gatewayLabel(gateway *istionetworkingv1.Gateway) []string {
	if len(gateway.Spec.GetSelector()) == 0 {
		return []string{everyGateway}
	}
	return labelPairs(gateway.Spec.GetSelector())[:1]
}

func virtualServiceHosts(vs *istionetworkingv1.VirtualService) []string {
	var all []string
	for _, host := range vs.Spec.GetHosts() {
		all = append(all, hosts.Default.Qualify(host, vs.Namespace))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func virtualServiceWildcards(vs *istionetworkingv1.VirtualService) []string {
	return wildcardsAbove(virtualServiceHosts(vs))
}

// virtualServiceGateways returns the Gateways that the VirtualService names, as namespace/name, each once.
func virtualServiceGateways(vs *istionetworkingv1.VirtualService) []string {
	named := sets.New[string]()
	for gateway := range routes.Gateways(vs.Spec.GetGateways(), vs.Namespace) {
		named.Insert(gateway.String())
	}
	return sets.List(named)
}

func wildcardsAbove(names []string) []string {
	var all []string
	for _, name := range names {
		all = append(all, hosts.Wildcards(name)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// labelPairs writes labels as key=value, in order.
func labelPairs(labels map[string]string) []string {
	pairs := make([]string, 0, len(labels))
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		pairs = append(pairs, key+"="+labels[key])
	}
	return pairs
}
