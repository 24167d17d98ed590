package gather

import (
	"cmp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// servicesOf returns the Services that were read, by namespace and name.
func servicesOf(all []*corev1.Service) []model.Service {
	var services []model.Service
	for _, s := range all {
		services = append(services, serviceOf(s))
	}
	return services
}

func serviceOf(service *corev1.Service) model.Service {
	s := model.Service{
		Namespace: service.Namespace,
		Name:      service.Name,
		Created:   service.CreationTimestamp,
		Selector:  selectorOf(service),
		Ports:     servicePorts(service),
		Headless:  service.Spec.ClusterIP == corev1.ClusterIPNone,
		Addresses: clusterAddresses(service),
		External:  service.Spec.Type == corev1.ServiceTypeExternalName,
		Waypoint:  service.Labels[model.LabelUseWaypoint],
		ExportTo:  words(service.Annotations[model.AnnotationExportTo]),
		Mute:      service.Annotations[meshtlsv1alpha1.AnnotationMute],
	}
	if s.External {
		s.ExternalName = strings.TrimSuffix(service.Spec.ExternalName, ".")
	}
	_, s.Untranslated = service.Labels[model.LabelUntranslated]
	for _, p := range service.Spec.Ports {
		if !carriesTLS(p.Protocol) {
			s.OtherPorts = append(s.OtherPorts, p.Port)
		}
	}
	return s
}

func clusterAddresses(service *corev1.Service) []string {
	addresses := service.Spec.ClusterIPs
	if len(addresses) == 0 {
		addresses = []string{service.Spec.ClusterIP}
	}
	var own []string
	for _, address := range addresses {
		if address != "" && address != corev1.ClusterIPNone {
			own = append(own, address)
		}
	}
	return own
}

// selectorOf is nil for an ExternalName Service: Kubernetes does not look at what its selector says.
func selectorOf(service *corev1.Service) map[string]string {
	if service.Spec.Type == corev1.ServiceTypeExternalName || len(service.Spec.Selector) == 0 {
		return nil
	}
	return service.Spec.Selector
}

func servicePorts(service *corev1.Service) []model.ServicePort {
	var ports []model.ServicePort
	for _, p := range service.Spec.Ports {
		if !carriesTLS(p.Protocol) {
			continue
		}
		port := model.ServicePort{Name: p.Name, Port: p.Port, TargetPort: p.TargetPort, Protocol: protocolOf(p),
			HiddenProtocol: hiddenProtocolOf(p)}
		if p.TargetPort == (intstr.IntOrString{}) || p.TargetPort == intstr.FromString("") {
			port.TargetPort = intstr.FromInt32(p.Port)
		}
		ports = append(ports, port)
	}
	return ports
}

// carriesTLS reports whether TLS as the mesh knows it can run over the protocol: Istio does not touch UDP and SCTP.
func carriesTLS(protocol corev1.Protocol) bool {
	return protocol != corev1.ProtocolUDP && protocol != corev1.ProtocolSCTP
}

// endpointsOf returns the EndpointSlices of those of the Services that have no selector: what the others lead to, their pods say.
func endpointsOf(all []*discoveryv1.EndpointSlice, services []model.Service) []model.EndpointSlice {
	type key struct{ namespace, name string }
	selectorless := map[key]bool{}
	for i := range services {
		selectorless[key{services[i].Namespace, services[i].Name}] = services[i].Selector == nil && !services[i].External
	}
	var slices []model.EndpointSlice
	for _, slice := range all {
		if selectorless[key{slice.Namespace, slice.Labels[discoveryv1.LabelServiceName]}] {
			slices = append(slices, endpointSliceOf(slice))
		}
	}
	return slices
}

func endpointSliceOf(slice *discoveryv1.EndpointSlice) model.EndpointSlice {
	s := model.EndpointSlice{Namespace: slice.Namespace, Name: slice.Name, Service: slice.Labels[discoveryv1.LabelServiceName]}
	for _, p := range slice.Ports {
		if p.Port == nil || p.Protocol != nil && !carriesTLS(*p.Protocol) {
			continue
		}
		port := model.EndpointPort{Number: *p.Port}
		if p.Name != nil {
			port.Name = *p.Name
		}
		s.Ports = append(s.Ports, port)
	}
	for i := range slice.Endpoints {
		if ready := slice.Endpoints[i].Conditions.Ready; ready == nil || *ready {
			s.Addresses = append(s.Addresses, slice.Endpoints[i].Addresses...)
		}
	}
	slicesByAddress(&s)
	return s
}

func slicesByAddress(s *model.EndpointSlice) {
	slices.Sort(s.Addresses)
	slices.SortFunc(s.Ports, func(a, b model.EndpointPort) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), cmp.Compare(a.Number, b.Number))
	})
}
