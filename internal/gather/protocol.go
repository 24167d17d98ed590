package gather

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// appProtocols are the names that Kubernetes has given to protocols, in Istio's words.
var appProtocols = map[string]string{
	"kubernetes.io/h2c": "HTTP2",
	"kubernetes.io/ws":  "HTTP",
	"kubernetes.io/wss": "HTTPS",
}

// protocols are those that a port can declare, in lower case.
var protocols = map[string]string{
	"tcp": "TCP", "tls": "TLS", "https": "HTTPS", "http": "HTTP", "http2": "HTTP2", "http_proxy": "HTTP_PROXY",
	"grpc": "GRPC", "mongo": "Mongo", "redis": "Redis", "mysql": "MySQL",
}

// neverDetected are ports at which the server speaks first (SMTP, DNS, MySQL, MongoDB): Istio does not wait there for what the client
// would say, and takes them for TCP.
var neverDetected = map[int32]bool{25: true, 53: true, 3306: true, 27017: true}

// protocolOf returns what a Service port is declared to carry: by its appProtocol, else by its name up to the first hyphen. Empty: Istio
// finds out by looking.
// Source: istio pkg/config/kube/conversion.go, ConvertProtocol.
func protocolOf(port corev1.ServicePort) string {
	name := port.Name
	if port.AppProtocol != nil {
		name = *port.AppProtocol
		if protocol, known := appProtocols[name]; known {
			return protocol
		}
	}
	if protocol := named(name); protocol != "" {
		return protocol
	}
	if neverDetected[port.Port] {
		return "TCP"
	}
	return ""
}

// named returns the protocol that a name declares; empty: none.
func named(name string) string {
	name = strings.ToLower(name)
	if strings.HasPrefix(name, "grpc-web") {
		return "GRPC-Web"
	}
	prefix, _, _ := strings.Cut(name, "-")
	return protocols[prefix]
}

// hiddenProtocolOf returns what the port's name declares where its appProtocol, which goes before the name, declares nothing.
func hiddenProtocolOf(port corev1.ServicePort) string {
	if port.AppProtocol == nil || appProtocols[*port.AppProtocol] != "" || named(*port.AppProtocol) != "" {
		return ""
	}
	return named(port.Name)
}
