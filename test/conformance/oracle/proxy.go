package oracle

import (
	"fmt"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	"istio.io/istio/pilot/pkg/simulation"
	corev1 "k8s.io/api/core/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/test/conformance/istiod/wire"
)

// Proxy is a pod's proxy, with the configuration that Istio generates for it.
type Proxy struct {
	mesh   *Mesh
	pod    *corev1.Pod
	router bool

	configuration *Configuration
	simulated     *simulation.Simulation
	clusters      map[string]*clusterv3.Cluster
	served        []Served
}

// wire names the proxy to Istio.
func (p *Proxy) wire() wire.Proxy {
	return wire.Proxy{
		Mesh: p.mesh.number, Namespace: p.pod.Namespace, Name: p.pod.Name, IP: p.pod.Status.PodIP, Labels: p.pod.Labels, Router: p.router,
		Interception: p.pod.Annotations[annotationInterception], Unprivileged: variableOf(p.pod, "ISTIO_META_UNPRIVILEGED_POD"),
	}
}

// Call says what becomes of a call.
func (p *Proxy) Call(call simulation.Call) simulation.Result {
	if p.simulated == nil {
		p.simulated = p.given().Envoy(p.mesh.t)
	}
	return p.simulated.Run(call)
}

// Inbound returns a call that reaches the pod from outside.
func (p *Proxy) Inbound(port int32, tls simulation.TLSMode) simulation.Call {
	return simulation.Call{
		Address: p.pod.Status.PodIP, Port: int(port), Protocol: simulation.HTTP, TLS: tls, CallMode: simulation.CallModeInbound,
	}
}

// Accepts returns the mode in which the sidecar takes connections to a port of the pod, found out by calling it: a connection with
// Istio's mutual TLS counts as taken only if it is terminated.
func (p *Proxy) Accepts(port int32) (meshtlsv1alpha1.AcceptMode, error) {
	plaintext := p.Call(p.Inbound(port, simulation.Plaintext)).Error
	mutual := p.Inbound(port, simulation.MTLS)
	terminated := false
	mutual.CustomListenerValidations = append(mutual.CustomListenerValidations, func(chain *listenerv3.FilterChain) error {
		terminated = chain.TransportSocket != nil
		return nil
	})
	refused := p.Call(mutual).Error
	switch {
	case plaintext == nil && refused == nil && terminated:
		return meshtlsv1alpha1.AcceptPermissive, nil
	case plaintext == nil:
		return meshtlsv1alpha1.AcceptDisable, nil
	case refused == nil && terminated:
		return meshtlsv1alpha1.AcceptStrict, nil
	default:
		return "", fmt.Errorf("port %d takes neither plaintext (%w) nor mutual TLS (%w)", port, plaintext, refused)
	}
}

// Localhost is the host of the application beside the sidecar.
const Localhost = "localhost"

// outbound returns the cluster that leads to a port of a host; nil: Istio has none.
func (p *Proxy) outbound(host string, port int32) *clusterv3.Cluster {
	if host == Localhost {
		return p.Cluster(fmt.Sprintf("inbound|%d||", port))
	}
	return p.Cluster(fmt.Sprintf("outbound|%d||%s", port, host))
}
