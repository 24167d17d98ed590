package v1alpha1

// PassthroughProtocol is the protocol that a passed-through port declares. Both route by SNI.
//
// +kubebuilder:validation:Enum=TLS;HTTPS
type PassthroughProtocol string

const (
	// PassthroughTLS is the default.
	PassthroughTLS PassthroughProtocol = "TLS"
	// PassthroughHTTPS declares that HTTP is inside.
	PassthroughHTTPS PassthroughProtocol = "HTTPS"
)

// PassthroughRouting is how a gateway finds the destination of a connection that it does not decrypt.
//
// +kubebuilder:validation:Enum=SNI;Auto
type PassthroughRouting string

const (
	// RoutingSNI: tls rules of a VirtualService route by SNI. Istio's PASSTHROUGH.
	RoutingSNI PassthroughRouting = "SNI"
	// RoutingAuto: the SNI itself names the destination, as between clusters of one mesh. Istio's AUTO_PASSTHROUGH.
	RoutingAuto PassthroughRouting = "Auto"
)

// PlaintextProtocol is the protocol of a port that is served without TLS, in Istio's names.
//
// +kubebuilder:validation:Enum=HTTP;HTTP2;GRPC;GRPC-WEB;TCP;MONGO;REDIS;MYSQL
type PlaintextProtocol string

// The protocols of a port that is served without TLS.
const (
	PlaintextHTTP    PlaintextProtocol = "HTTP"
	PlaintextHTTP2   PlaintextProtocol = "HTTP2"
	PlaintextGRPC    PlaintextProtocol = "GRPC"
	PlaintextGRPCWeb PlaintextProtocol = "GRPC-WEB"
	PlaintextTCP     PlaintextProtocol = "TCP"
	PlaintextMongo   PlaintextProtocol = "MONGO"
	PlaintextRedis   PlaintextProtocol = "REDIS"
	PlaintextMySQL   PlaintextProtocol = "MYSQL"
)

// GatewayServer is what every server of a gateway has. Its rules are those of validateServer in Istio's
// pkg/config/validation/validation.go.
type GatewayServer struct {
	// port is the number that the gateway listens on (port.number of a Gateway's server): the gateway Service's port, where it has
	// one. 1 to 65535.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port"`
	// hosts are the names that are served: a DNS name with a dot, a left-most wildcard such as *.example.com, or * alone; without
	// TLS also an IPv4 address. Lower case. A prefix ns/ (a namespace, or . for the policy's own, or * for all) limits which
	// namespaces' VirtualServices may bind; without one all may. At most 32 in an entry, each of at most 253 characters.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:XValidation:rule="self.matches('^(([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?|[.]|[*])/)?([*]|([*]|[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)([.][a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)+)$')",message="a gateway's host is a DNS name with a dot in lower case, a wildcard as in *.example.com, or *, with an optional namespace/ (or ./ or */) before it: without scheme, port, path or trailing dot"
	// +kubebuilder:validation:items:XValidation:rule="!self.matches('[.][0-9]+$') || isIP(self)",message="a host that ends in a number must be an IPv4 address, without namespace/ before it"
	// +kubebuilder:validation:items:XValidation:rule="self != '*/*'",message="write * instead of */*: both serve every name to every namespace, but Istio mishandles a list with */*"
	Hosts []string `json:"hosts"`
	// name names the server in Istio's statistics. It is unique within terminate, passthrough and plaintext together. Omitted: none.
	// At most 63 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name,omitempty"`
	// bind is the IP address that the gateway listens on. Omitted: all addresses. Istio's unix:// sockets have no port number, and
	// so no place here. At most 45 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=45
	// +kubebuilder:validation:XValidation:rule="isIP(self)",message="bind is an IPv4 or IPv6 address, without port or zone"
	Bind string `json:"bind,omitempty"`
}

// Passthrough is a server whose TLS the gateway does not decrypt.
//
// +kubebuilder:validation:XValidation:rule="!self.hosts.exists(h, isIP(h))",fieldPath=".hosts",reason=FieldValueForbidden,message="TLS servers are found by server name, which is never an IP address: use the DNS name, or * for every client"
type Passthrough struct {
	GatewayServer `json:",inline"`

	// protocol is the protocol that the port declares (port.protocol of a Gateway's server): TLS (the default) or HTTPS. Both route
	// by SNI.
	// +optional
	// +kubebuilder:default=TLS
	Protocol PassthroughProtocol `json:"protocol,omitempty"`
	// routing is how the destination is found (tls.mode of a Gateway's server). SNI (the default): by the tls rules of a
	// VirtualService (PASSTHROUGH). Auto: the SNI itself names the destination, as Istio's clients do between clusters
	// (AUTO_PASSTHROUGH).
	// +optional
	// +kubebuilder:default=SNI
	Routing PassthroughRouting `json:"routing,omitempty"`
}

// Plaintext is a server of a gateway without TLS.
//
// +kubebuilder:validation:XValidation:rule="!has(self.redirectToHTTPS) || !self.redirectToHTTPS || self.protocol in ['HTTP', 'HTTP2', 'GRPC', 'GRPC-WEB']",fieldPath=".redirectToHTTPS",reason=FieldValueForbidden,message="only HTTP can be redirected: remove redirectToHTTPS, or set protocol HTTP, HTTP2, GRPC or GRPC-WEB"
type Plaintext struct {
	GatewayServer `json:",inline"`

	// protocol is the protocol of the port (port.protocol of a Gateway's server), in Istio's names. Default HTTP. Servers of TCP,
	// MONGO, REDIS and MYSQL have their port and bind to themselves.
	// +optional
	// +kubebuilder:default=HTTP
	Protocol PlaintextProtocol `json:"protocol,omitempty"`
	// redirectToHTTPS, when true, answers every HTTP request with a redirect to https (tls.httpsRedirect of a Gateway's server).
	// Default false. For HTTP, HTTP2, GRPC and GRPC-WEB only.
	// +optional
	RedirectToHTTPS bool `json:"redirectToHTTPS,omitempty"`
}
