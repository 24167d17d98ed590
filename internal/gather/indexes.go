package gather

import (
	"maps"
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/render"
)

// The fields by which objects are looked up.
const (
	// IndexSendHost: policies by the hosts they send to, qualified.
	IndexSendHost = ".spec.send.hosts"
	// IndexSendWildcard: policies by the wildcards above the hosts they send to.
	IndexSendWildcard = ".spec.send.hosts.wildcards"
	// IndexGatewayLabel: policies by one label, key=value, that the pods of their gateway target must have.
	IndexGatewayLabel = ".spec.gateway.selector.matchLabels"
	// IndexGatewayService: policies by the Service that their gateway target names.
	IndexGatewayService = ".spec.gateway.service"
	// IndexHasGateway: policies by whether they have a gateway target, "true" for those that do.
	IndexHasGateway = ".spec.gateway"
	// IndexCredential: policies by the names of the credentials that they name, without the ending of those that hold authorities
	// alone.
	IndexCredential = ".spec.credentialName"
	// IndexGatewayName: policies that have a gateway target by the Gateway that is rendered for them, as namespace/name.
	IndexGatewayName = ".spec.gateway.name"
	// IndexServiceLabel: Services by one label, key=value, that their pods must have.
	IndexServiceLabel = ".spec.selector"
	// IndexPodLabel: pods by each of their labels, key=value.
	IndexPodLabel = ".metadata.labels"
	// IndexServiceEntryHost: ServiceEntries by the hosts they declare.
	IndexServiceEntryHost = ".spec.hosts"
	// IndexServiceEntryWildcard: ServiceEntries by the wildcards above the hosts they declare.
	IndexServiceEntryWildcard = ".spec.hosts.wildcards"
	// IndexDestinationRuleHost: DestinationRules by their host, qualified.
	IndexDestinationRuleHost = ".spec.host"
	// IndexVirtualServiceGateway: VirtualServices by the Gateways that they name, as namespace/name.
	IndexVirtualServiceGateway = ".spec.gateways"
	// IndexWebhookNamespace: webhook configurations by the namespaces of the Services that the API server calls for them.
	IndexWebhookNamespace = ".webhooks.clientConfig.service.namespace"
)

// Index is a field by which a reader must be able to list a kind.
type Index struct {
	// Object is of the kind that is indexed.
	Object client.Object
	// Field is what client.MatchingFields names.
	Field string
	// Extract gives the values by which an object is found.
	Extract client.IndexerFunc
}

// Indexes are what a reader needs for Snapshot, and for finding the namespaces whose snapshot an object is part of.
var Indexes = []Index{
	{&meshtlsv1alpha1.MeshTLSPolicy{}, IndexSendHost, extract(SendHosts)},
	{&meshtlsv1alpha1.MeshTLSPolicy{}, IndexSendWildcard, extract(sendWildcards)},
	{&meshtlsv1alpha1.MeshTLSPolicy{}, IndexGatewayLabel, extract(gatewayLabel)},
	{&meshtlsv1alpha1.MeshTLSPolicy{}, IndexGatewayService, extract(gatewayService)},
	{&meshtlsv1alpha1.MeshTLSPolicy{}, IndexHasGateway, extract(hasGateway)},
	{&meshtlsv1alpha1.MeshTLSPolicy{}, IndexGatewayName, extract(renderedGateways)},
	{&meshtlsv1alpha1.MeshTLSPolicy{}, IndexCredential, extract(credentialNames)},
	{&corev1.Service{}, IndexServiceLabel, extract(serviceLabel)},
	{&corev1.Pod{}, IndexPodLabel, extract(podLabels)},
	{&istionetworkingv1.ServiceEntry{}, IndexServiceEntryHost, extract(ServiceEntryHosts)},
	{&istionetworkingv1.ServiceEntry{}, IndexServiceEntryWildcard, extract(serviceEntryWildcards)},
	{&istionetworkingv1.DestinationRule{}, IndexDestinationRuleHost, extract(destinationRuleHosts)},
	{&istionetworkingv1.VirtualService{}, IndexVirtualServiceGateway, extract(VirtualServiceGateways)},
	{&admissionregistrationv1.MutatingWebhookConfiguration{}, IndexWebhookNamespace, WebhookNamespaces},
	{&admissionregistrationv1.ValidatingWebhookConfiguration{}, IndexWebhookNamespace, WebhookNamespaces},
}

// extract fits a function of one kind to an index.
func extract[T client.Object](values func(T) []string) client.IndexerFunc {
	return func(object client.Object) []string {
		typed, ok := object.(T)
		if !ok {
			return nil
		}
		return values(typed)
	}
}

// SendHosts are the hosts that the policy sends to, qualified, each once.
func SendHosts(policy *meshtlsv1alpha1.MeshTLSPolicy) []string {
	var all []string
	for i := range policy.Spec.Send {
		for _, host := range policy.Spec.Send[i].Hosts {
			all = append(all, hosts.Qualify(host, policy.Namespace))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func sendWildcards(policy *meshtlsv1alpha1.MeshTLSPolicy) []string {
	return wildcardsAbove(SendHosts(policy))
}

// gatewayLabel is the first label only: a pod that lacks it is not selected, and for one that has it the others are compared.
func gatewayLabel(policy *meshtlsv1alpha1.MeshTLSPolicy) []string {
	if policy.Spec.Gateway == nil || policy.Spec.Gateway.Selector == nil {
		return nil
	}
	return first(labelPairs(policy.Spec.Gateway.Selector.MatchLabels))
}

func gatewayService(policy *meshtlsv1alpha1.MeshTLSPolicy) []string {
	if policy.Spec.Gateway == nil || policy.Spec.Gateway.Service == "" {
		return nil
	}
	return []string{policy.Spec.Gateway.Service}
}

func hasGateway(policy *meshtlsv1alpha1.MeshTLSPolicy) []string {
	if policy.Spec.Gateway == nil {
		return nil
	}
	return []string{"true"}
}

func renderedGateways(policy *meshtlsv1alpha1.MeshTLSPolicy) []string {
	if policy.Spec.Gateway == nil {
		return nil
	}
	return []string{renderedGateway(policy)}
}

// renderedGateway is the Gateway that is rendered for a policy with a gateway target, as namespace/name.
func renderedGateway(policy *meshtlsv1alpha1.MeshTLSPolicy) string {
	return policy.Namespace + "/" + render.GatewayName(policy.Name)
}

func serviceLabel(service *corev1.Service) []string {
	return first(labelPairs(selectorOf(service)))
}

func podLabels(pod *corev1.Pod) []string {
	return labelPairs(pod.Labels)
}

// ServiceHosts are the hosts that the Service declares.
func ServiceHosts(service *corev1.Service) []string {
	return []string{hosts.OfService(service.Namespace, service.Name)}
}

// ServiceEntryHosts are the hosts that the ServiceEntry declares, each once.
func ServiceEntryHosts(entry *istionetworkingv1.ServiceEntry) []string {
	all := slices.Sorted(slices.Values(entry.Spec.GetHosts()))
	return slices.Compact(all)
}

func serviceEntryWildcards(entry *istionetworkingv1.ServiceEntry) []string {
	return wildcardsAbove(ServiceEntryHosts(entry))
}

func destinationRuleHosts(rule *istionetworkingv1.DestinationRule) []string {
	return []string{DestinationRuleHost(rule)}
}

// DestinationRuleHost is the host that the rule stands for, qualified.
func DestinationRuleHost(rule *istionetworkingv1.DestinationRule) string {
	return hosts.Qualify(rule.Spec.GetHost(), rule.Namespace)
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

// firstPair is the label of a selector, which must not be empty, by which pods are looked up.
func firstPair(selector map[string]string) string {
	return labelPairs(selector)[0]
}

func first(values []string) []string {
	return values[:min(1, len(values))]
}
