package gather

import (
	"cmp"
	"context"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

// readServices reads the namespace's Services.
func (g *gathering) readServices(ctx context.Context, s *model.Snapshot) error {
	var found corev1.ServiceList
	if err := g.list(ctx, &found, client.InNamespace(g.namespace)); err != nil {
		return err
	}
	for i := range found.Items {
		s.Services = append(s.Services, serviceOf(&found.Items[i]))
	}
	servicesByName(s.Services)
	return nil
}

// servicesByName orders the Services by namespace and name.
func servicesByName(services []model.Service) []model.Service {
	slices.SortFunc(services, func(a, b model.Service) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	return services
}

// readGatewayServices reads the Services before the gateway pods of other namespaces: clients come to the pods by them.
func (g *gathering) readGatewayServices(ctx context.Context, s *model.Snapshot) error {
	elsewhere := g.podsElsewhere(s)
	for namespace := range namespacesOfPods(elsewhere) {
		var found corev1.ServiceList
		if err := g.list(ctx, &found, client.InNamespace(namespace)); err != nil {
			return err
		}
		for i := range found.Items {
			if service := serviceOf(&found.Items[i]); selectsAny(service, elsewhere) && !holds(s.Services, service) {
				s.Services = append(s.Services, service)
			}
		}
	}
	servicesByName(s.Services)
	return nil
}

// podsElsewhere are the pods of other namespaces.
func (g *gathering) podsElsewhere(s *model.Snapshot) []model.Workload {
	return slices.DeleteFunc(slices.Clone(s.Workloads), func(w model.Workload) bool { return w.Namespace == g.namespace })
}

func namespacesOfPods(workloads []model.Workload) sets.Set[string] {
	namespaces := sets.New[string]()
	for i := range workloads {
		namespaces.Insert(workloads[i].Namespace)
	}
	return namespaces
}

func selectsAny(service model.Service, workloads []model.Workload) bool {
	return len(service.Selector) > 0 && slices.ContainsFunc(workloads, func(w model.Workload) bool {
		return w.Namespace == service.Namespace && pods.Matches(service.Selector, w.Labels)
	})
}

func holds(services []model.Service, service model.Service) bool {
	return slices.ContainsFunc(services, func(s model.Service) bool {
		return s.Namespace == service.Namespace && s.Name == service.Name
	})
}

func serviceOf(service *corev1.Service) model.Service {
	return model.Service{
		Namespace: service.Namespace,
		Name:      service.Name,
		Selector:  selectorOf(service),
		Ports:     servicePorts(service),
		Headless:  service.Spec.ClusterIP == corev1.ClusterIPNone,
		External:  service.Spec.Type == corev1.ServiceTypeExternalName,
		ExportTo:  serviceExportTo(service),
		Mute:      service.Annotations[meshtlsv1alpha1.AnnotationMute],
	}
}

// annotationExportTo, on a Service, names the namespaces that see it, comma-separated, as a ServiceEntry's exportTo does.
const annotationExportTo = "networking.istio.io/exportTo"

func serviceExportTo(service *corev1.Service) []string {
	list := service.Annotations[annotationExportTo]
	if list == "" {
		return nil
	}
	return strings.Split(strings.ReplaceAll(list, " ", ""), ",")
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

// carriesTLS says whether TLS as the mesh knows it can run over the protocol: Istio does not touch UDP and SCTP.
func carriesTLS(protocol corev1.Protocol) bool {
	return protocol != corev1.ProtocolUDP && protocol != corev1.ProtocolSCTP
}
