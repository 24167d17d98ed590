package mesh

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// domain ends the names of Services.
const domain = ".svc.cluster.local"

// endpoint returns where a connection to an address of the cluster ends: a Service's name or IP address is one of its endpoints, as
// kube-proxy would choose it, and every other address is itself.
func (m *Mesh) endpoint(ctx context.Context, address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return "", err
	}
	service, err := m.service(ctx, host)
	if err != nil || service == nil {
		return address, err
	}
	for _, declared := range service.Spec.Ports {
		if int(declared.Port) == number {
			found, err := m.endpointOf(ctx, service, declared.Name)
			return found.String(), err
		}
	}
	return "", fmt.Errorf("finding port %d: Service %s/%s does not have it", number, service.Namespace, service.Name)
}

// service returns the Service that has a name (name.namespace.svc, with or without the domain) or an IP address; nil if there is none.
func (m *Mesh) service(ctx context.Context, host string) (*corev1.Service, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		var services corev1.ServiceList
		if err := m.Client.List(ctx, &services); err != nil {
			return nil, err
		}
		for i := range services.Items {
			if services.Items[i].Spec.ClusterIP == ip.String() {
				return &services.Items[i], nil
			}
		}
		return nil, nil
	}
	name, namespace, ok := strings.Cut(strings.TrimSuffix(strings.TrimSuffix(host, domain), ".svc"), ".")
	if !ok || strings.Contains(namespace, ".") {
		return nil, nil
	}
	service := &corev1.Service{}
	err := m.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, service)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return service, err
}

// endpointOf returns one of the ready endpoints of a Service's port.
func (m *Mesh) endpointOf(ctx context.Context, service *corev1.Service, port string) (netip.AddrPort, error) {
	var parts discoveryv1.EndpointSliceList
	err := m.Client.List(ctx, &parts, client.InNamespace(service.Namespace), client.MatchingLabels{discoveryv1.LabelServiceName: service.Name})
	if err != nil {
		return netip.AddrPort{}, err
	}
	var found []netip.AddrPort
	for _, part := range parts.Items {
		for _, declared := range part.Ports {
			if declared.Name == nil || *declared.Name != port || declared.Port == nil {
				continue
			}
			found = append(found, ready(part.Endpoints, uint16(*declared.Port))...)
		}
	}
	if len(found) == 0 {
		return netip.AddrPort{}, fmt.Errorf("port %q of Service %s/%s has no ready endpoint", port, service.Namespace, service.Name)
	}
	return found[rand.IntN(len(found))], nil
}

// headless returns what DNS says of a Service without an address of its own: the address of one of its pods. The port stays.
func (m *Mesh) headless(ctx context.Context, namespace, name, port string) (string, error) {
	var parts discoveryv1.EndpointSliceList
	err := m.Client.List(ctx, &parts, client.InNamespace(namespace), client.MatchingLabels{discoveryv1.LabelServiceName: name})
	if err != nil {
		return "", err
	}
	var found []netip.AddrPort
	for _, part := range parts.Items {
		found = append(found, ready(part.Endpoints, 0)...)
	}
	if len(found) == 0 {
		return "", fmt.Errorf("the headless Service %s/%s has no ready endpoint", namespace, name)
	}
	return net.JoinHostPort(found[rand.IntN(len(found))].Addr().String(), port), nil
}

// ready returns the ready endpoints at a port.
func ready(endpoints []discoveryv1.Endpoint, port uint16) []netip.AddrPort {
	var found []netip.AddrPort
	for _, endpoint := range endpoints {
		if endpoint.Conditions.Ready != nil && !*endpoint.Conditions.Ready {
			continue
		}
		for _, address := range endpoint.Addresses {
			if ip, err := netip.ParseAddr(address); err == nil {
				found = append(found, netip.AddrPortFrom(ip, port))
			}
		}
	}
	return found
}
