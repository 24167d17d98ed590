package oracle

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"istio.io/istio/pilot/pkg/simulation"
	corev1 "k8s.io/api/core/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// Sent is the TLS that a client's cluster carries, with what else a DestinationRule shapes in it.
type Sent struct {
	// Mode is Auto where the cluster decides for each endpoint; empty where the client has no cluster.
	Mode         meshtlsv1alpha1.SendMode `json:"mode,omitempty"`
	SNI          string                   `json:"sni,omitempty"`
	Certificates `json:",inline"`
	// LoadBalancer, MaxConnections and Ejection are the policy's, the connection pool's and the outlier detection's.
	LoadBalancer   string `json:"loadBalancer,omitempty"`
	MaxConnections uint32 `json:"maxConnections,omitempty"`
	Ejection       uint32 `json:"ejection,omitempty"`
}

// Sends returns what the proxy sends to a port of a host.
func (p *Proxy) Sends(host string, port int32) Sent {
	cluster := p.outbound(host, port)
	if cluster == nil {
		return Sent{}
	}
	return sentBy(cluster)
}

func sentBy(cluster *clusterv3.Cluster) Sent {
	sent := TLSOf(cluster)
	sent.LoadBalancer = cluster.GetLbPolicy().String()
	sent.Ejection = cluster.GetOutlierDetection().GetConsecutive_5Xx().GetValue()
	for _, threshold := range cluster.GetCircuitBreakers().GetThresholds() {
		sent.MaxConnections = threshold.GetMaxConnections().GetValue()
	}
	return sent
}

// TLSOf returns the TLS that a cluster carries.
func TLSOf(cluster *clusterv3.Cluster) Sent {
	if len(cluster.TransportSocketMatches) > 0 {
		return Sent{Mode: meshtlsv1alpha1.SendAuto}
	}
	if cluster.TransportSocket == nil {
		return Sent{Mode: meshtlsv1alpha1.SendDisable}
	}
	context := upstream(cluster.TransportSocket)
	sent := Sent{SNI: context.GetSni(), Certificates: certificatesOf(context.GetCommonTlsContext())}
	switch sent.Shown {
	case "":
		sent.Mode = meshtlsv1alpha1.SendSimple
	case istioCertificate:
		sent.Mode = meshtlsv1alpha1.SendIstioMutual
	default:
		sent.Mode = meshtlsv1alpha1.SendMutual
	}
	return sent
}

// Connection is what happens on the wire between a client and one endpoint of a Service.
type Connection struct {
	// Pod is the endpoint, as namespace/name.
	Pod string
	// Wire is what is sent: Disable, IstioMutual, Simple or Mutual.
	Wire meshtlsv1alpha1.SendMode
	// Taken says whether the endpoint's sidecar takes it. What has no sidecar takes all but Istio's mutual TLS.
	Taken bool
}

// Connects returns what happens between the proxy and the endpoints of a host.
func (p *Proxy) Connects(host string, port int32) []Connection {
	cluster := p.outbound(host, port)
	if cluster == nil {
		return nil
	}
	var connections []Connection
	for _, locality := range AssignmentOf(p.mesh.t, p.wire(), cluster.Name).GetEndpoints() {
		for _, endpoint := range locality.GetLbEndpoints() {
			connections = append(connections, p.connection(cluster, endpoint))
		}
	}
	return connections
}

func (p *Proxy) connection(cluster *clusterv3.Cluster, endpoint *endpointv3.LbEndpoint) Connection {
	address := endpoint.GetEndpoint().GetAddress().GetSocketAddress()
	wire := TLSOf(&clusterv3.Cluster{TransportSocket: socketFor(cluster, endpoint)}).Mode
	pod := p.mesh.at(address.GetAddress())
	switch {
	case pod == nil:
		return Connection{Pod: address.GetAddress(), Wire: wire, Taken: wire != meshtlsv1alpha1.SendIstioMutual}
	case !hasProxy(pod):
		return Connection{Pod: nameOf(pod).String(), Wire: wire, Taken: wire != meshtlsv1alpha1.SendIstioMutual}
	default:
		taken := p.mesh.Sidecar(nameOf(pod)).takes(int32(address.GetPortValue()), wire)
		return Connection{Pod: nameOf(pod).String(), Wire: wire, Taken: taken}
	}
}

// socketFor returns the transport socket that Envoy chooses for the endpoint: that of the first match whose labels the endpoint has.
func socketFor(cluster *clusterv3.Cluster, endpoint *endpointv3.LbEndpoint) *corev3.TransportSocket {
	labels := endpoint.GetMetadata().GetFilterMetadata()["envoy.transport_socket_match"].GetFields()
	for _, match := range cluster.GetTransportSocketMatches() {
		matches := true
		for key, value := range match.GetMatch().GetFields() {
			matches = matches && labels[key].GetStringValue() == value.GetStringValue()
		}
		if matches && match.GetTransportSocket().GetName() == "envoy.transport_sockets.tls" {
			return match.GetTransportSocket()
		}
		if matches {
			return nil
		}
	}
	return cluster.GetTransportSocket()
}

// at returns the pod with the address; nil: none has it.
func (m *Mesh) at(address string) *corev1.Pod {
	for i := range m.cluster.pods {
		if m.cluster.pods[i].Status.PodIP == address {
			return &m.cluster.pods[i]
		}
	}
	return nil
}

// takes reports whether the sidecar takes what is sent: its own mutual TLS only where it terminates it, TLS of another kind only
// where it lets TLS through to the application.
func (p *Proxy) takes(port int32, wire meshtlsv1alpha1.SendMode) bool {
	accepted, err := p.Accepts(port)
	switch {
	case err != nil:
		return false
	case wire == meshtlsv1alpha1.SendIstioMutual:
		return accepted != meshtlsv1alpha1.AcceptDisable
	case wire == meshtlsv1alpha1.SendDisable:
		return accepted != meshtlsv1alpha1.AcceptStrict
	default:
		call := p.Inbound(port, simulation.TLS)
		call.Protocol = simulation.TCP
		return p.Call(call).Error == nil
	}
}
