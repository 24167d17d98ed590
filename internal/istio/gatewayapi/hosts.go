package gatewayapi

import (
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/model"
)

// nobody stands for no namespace.
const nobody = "~"

// hostsOf returns the hosts of the listener's server: its hostname, once for each namespace whose routes it admits.
// Source: istio pilot/pkg/config/kube/gateway/conversion.go, buildHostnameMatch.
func hostsOf(l *gatewayv1.Listener, own string, all []model.Namespace) []string {
	name := "*"
	if l.Hostname != nil {
		name = string(*l.Hostname)
	}
	var found []string
	for _, namespace := range admitted(l.AllowedRoutes, own, all) {
		found = append(found, namespace+"/"+name)
	}
	if len(found) == 0 {
		return []string{nobody + "/" + name}
	}
	return found
}

// admitted returns the namespaces whose routes a listener admits. Istio does not know None, and takes it for all.
// Source: istio pilot/pkg/config/kube/gateway/conversion.go, namespacesFromSelector.
func admitted(allowed *gatewayv1.AllowedRoutes, own string, all []model.Namespace) []string {
	if allowed == nil || allowed.Namespaces == nil || allowed.Namespaces.From == nil ||
		*allowed.Namespaces.From == gatewayv1.NamespacesFromSame {
		return []string{own}
	}
	if *allowed.Namespaces.From == gatewayv1.NamespacesFromAll || allowed.Namespaces.Selector == nil {
		return []string{"*"}
	}
	selector, err := metav1.LabelSelectorAsSelector(allowed.Namespaces.Selector)
	if err != nil {
		return nil
	}
	var found []string
	for _, namespace := range all {
		if selector.Matches(labelsOf(namespace)) {
			found = append(found, namespace.Name)
		}
	}
	slices.Sort(found)
	return found
}

// labelsOf returns the labels of the namespace, with the one that Kubernetes gives each.
func labelsOf(namespace model.Namespace) labels.Set {
	set := labels.Set{}
	maps.Copy(set, namespace.Labels)
	set["kubernetes.io/metadata.name"] = namespace.Name
	return set
}

// annotationName gives the Service and Deployment of a managed Gateway another name.
const annotationName = "gateway.istio.io/name-override"

// servicesOf returns the Services of the Gateway's namespace that it is for, and whether Istio keeps them. Of addresses Istio knows the
// names of Services; without one it makes a Service of its own. A Service of another namespace is of no use to it.
// Source: istio pilot/pkg/config/kube/gateway/conversion.go, extractGatewayServices.
func servicesOf(gateway *gatewayv1.Gateway, domain hosts.Domain) (services []string, managed bool) {
	if isManaged(gateway.Spec.Addresses) {
		if name := gateway.Annotations[annotationName]; name != "" {
			return []string{name}, true
		}
		return []string{gateway.Name + "-" + Class}, true
	}
	for _, address := range gateway.Spec.Addresses {
		if address.Type != nil && *address.Type != gatewayv1.HostnameAddressType {
			continue
		}
		name, rest, _ := strings.Cut(address.Value, ".")
		if rest == "" || address.Value == domain.OfService(gateway.Namespace, name) {
			services = append(services, name)
		}
	}
	return services, false
}

// named reports whether any of the addresses is a name.
func named(addresses []gatewayv1.GatewaySpecAddress) bool {
	return slices.ContainsFunc(addresses, func(a gatewayv1.GatewaySpecAddress) bool {
		return a.Type == nil || *a.Type == gatewayv1.HostnameAddressType
	})
}

// unnamed is the problem of a Gateway with several addresses and no Hostname among them.
var unnamed = Problem{
	Reason: Unsupported, Field: "spec.addresses",
	Why:    "Of several addresses Istio knows those of type Hostname alone, which name Services: without any it opens no listener.",
	Remedy: "Name the Service of the gateway's pods, or one address.",
}

// isManaged reports whether Istio makes the pods of a Gateway with the addresses.
// Source: istio pilot/pkg/config/kube/gatewaycommon/gateway_utils.go, IsManaged.
func isManaged(addresses []gatewayv1.GatewaySpecAddress) bool {
	return len(addresses) == 0 ||
		len(addresses) == 1 && (addresses[0].Type == nil || *addresses[0].Type == gatewayv1.IPAddressType)
}
