package v1alpha1

// TerminateProtocol is what a terminated TLS connection carries.
//
// +kubebuilder:validation:Enum=HTTPS;TLS
type TerminateProtocol string

const (
	// TerminateHTTPS: HTTP inside; routed by http rules of a VirtualService.
	TerminateHTTPS TerminateProtocol = "HTTPS"
	// TerminateTLS: raw TCP inside; routed by tcp rules of a VirtualService.
	TerminateTLS TerminateProtocol = "TLS"
)

// TerminateMode is how a gateway authenticates the two ends of a TLS connection that it terminates.
//
// +kubebuilder:validation:Enum=Simple;Mutual;OptionalMutual;IstioMutual
type TerminateMode string

const (
	// TerminateSimple: the server shows a certificate. Istio's SIMPLE.
	TerminateSimple TerminateMode = "Simple"
	// TerminateMutual: the client must show one too. Istio's MUTUAL.
	TerminateMutual TerminateMode = "Mutual"
	// TerminateOptionalMutual: a client's certificate is verified if it shows one. Istio's OPTIONAL_MUTUAL.
	TerminateOptionalMutual TerminateMode = "OptionalMutual"
	// TerminateIstioMutual: mutual TLS with the certificates that Istio issues. Istio's ISTIO_MUTUAL.
	TerminateIstioMutual TerminateMode = "IstioMutual"
)

// TLSVersion is a version of the TLS protocol, in Istio's names.
//
// +kubebuilder:validation:Enum=TLS_AUTO;TLSV1_0;TLSV1_1;TLSV1_2;TLSV1_3
type TLSVersion string

// The versions of the TLS protocol.
const (
	TLSAuto TLSVersion = "TLS_AUTO"
	TLSV10  TLSVersion = "TLSV1_0"
	TLSV11  TLSVersion = "TLSV1_1"
	TLSV12  TLSVersion = "TLSV1_2"
	TLSV13  TLSVersion = "TLSV1_3"
)

// TLSProfile is a named choice of TLS versions and cipher suites.
//
// +kubebuilder:validation:Enum=Modern;Intermediate;FIPS
type TLSProfile string

const (
	// ProfileModern: TLS 1.3 only.
	ProfileModern TLSProfile = "Modern"
	// ProfileIntermediate: TLS 1.2 and 1.3, forward-secret AEAD suites.
	ProfileIntermediate TLSProfile = "Intermediate"
	// ProfileFIPS: TLS 1.2 and the suites that Istio's compliance policy for FIPS 140-2 allows.
	ProfileFIPS TLSProfile = "FIPS"
)

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
// +kubebuilder:validation:Enum=HTTP;HTTP2;GRPC;GRPC-WEB;TCP;MONGO
type PlaintextProtocol string

// The protocols of a port that is served without TLS.
const (
	PlaintextHTTP    PlaintextProtocol = "HTTP"
	PlaintextHTTP2   PlaintextProtocol = "HTTP2"
	PlaintextGRPC    PlaintextProtocol = "GRPC"
	PlaintextGRPCWeb PlaintextProtocol = "GRPC-WEB"
	PlaintextTCP     PlaintextProtocol = "TCP"
	PlaintextMongo   PlaintextProtocol = "MONGO"
)

// GatewayServer is what every server of a gateway has.
type GatewayServer struct {
	// port is the number that the gateway listens on.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port"`
	// hosts are the names that are served: a DNS name or a left-most wildcard, with an optional prefix ns/ (a namespace, or
	// one of . and *) that limits which namespaces' VirtualServices may bind.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=317
	Hosts []string `json:"hosts"`
	// name names the server in Istio's statistics. It is unique within the policy. Omitted: none.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name,omitempty"`
	// bind is the address that the gateway listens on: an IP address, or unix:///path for a socket (then with port 0 in Istio's
	// terms). Omitted: all addresses.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Bind string `json:"bind,omitempty"`
}

// Terminate is a server at which TLS ends at the gateway. The TLS fields are those of Istio's ServerTLSSettings.
type Terminate struct {
	GatewayServer `json:",inline"`

	// protocol is what the TLS connection carries. HTTPS (the default): HTTP, routed by a VirtualService's http rules.
	// TLS: raw TCP, routed by its tcp rules.
	// +optional
	// +kubebuilder:default=HTTPS
	Protocol TerminateProtocol `json:"protocol,omitempty"`
	// mode is who shows a certificate. Simple (the default): the gateway. Mutual: the client too. OptionalMutual: the client
	// may. IstioMutual: both, with the certificates that Istio issues.
	// +optional
	// +kubebuilder:default=Simple
	Mode TerminateMode `json:"mode,omitempty"`

	// credentialName names the Secret, in the namespace of the gateway's pods, with the server's certificate and key, and for
	// Mutual the clients' CA.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	CredentialName string `json:"credentialName,omitempty"`
	// credentialNames names one or two such Secrets, for instance one with an RSA and one with an ECDSA certificate. The
	// clients' CA is taken from the first.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=2
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	CredentialNames []string `json:"credentialNames,omitempty"`
	// serverCertificate is the path, in the gateway's file system, of the server's certificate (PEM). With privateKey.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	ServerCertificate string `json:"serverCertificate,omitempty"`
	// privateKey is the path, in the gateway's file system, of the server's private key (PEM). With serverCertificate.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	PrivateKey string `json:"privateKey,omitempty"`
	// caCertificates is the path, in the gateway's file system, of the CA certificates (PEM) that clients are verified against.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	CACertificates string `json:"caCertificates,omitempty"`
	// caCrl is the path, in the gateway's file system, of the certificate revocation list (PEM) for clients.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	CACRL string `json:"caCrl,omitempty"`
	// caCertCredentialName names the Secret or ConfigMap, in the namespace of the gateway's pods, with the clients' CA. It wins
	// over a CA in the Secret of credentialName.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	CACertCredentialName string `json:"caCertCredentialName,omitempty"`

	// subjectAltNames are the names of which a client's certificate must have at least one.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=1024
	SubjectAltNames []string `json:"subjectAltNames,omitempty"`
	// verifyCertificateSpki are base64-encoded SHA-256 hashes of the public keys (SPKI) of the client certificates that are let in.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:Pattern=`^[A-Za-z0-9+/]{43}=$`
	// +kubebuilder:validation:items:MaxLength=44
	VerifyCertificateSPKI []string `json:"verifyCertificateSpki,omitempty"`
	// verifyCertificateHash are hex-encoded SHA-256 hashes of the client certificates that are let in.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:Pattern=`^([0-9A-Fa-f]{64}|[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){31})$`
	// +kubebuilder:validation:items:MaxLength=95
	VerifyCertificateHash []string `json:"verifyCertificateHash,omitempty"`

	// minProtocolVersion is the lowest TLS version that is accepted. Omitted: Istio's default, TLS 1.2.
	// +optional
	MinProtocolVersion TLSVersion `json:"minProtocolVersion,omitempty"`
	// maxProtocolVersion is the highest TLS version that is accepted. Omitted: Istio's default, TLS 1.3.
	// +optional
	MaxProtocolVersion TLSVersion `json:"maxProtocolVersion,omitempty"`
	// cipherSuites are the suites that are accepted up to TLS 1.2; TLS 1.3 has its own and ignores them. Omitted: Istio's default.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=15
	CipherSuites []CipherSuite `json:"cipherSuites,omitempty"`
	// profile is a named choice of minProtocolVersion, maxProtocolVersion and cipherSuites; exclusive with setting them by hand.
	// Modern: TLS 1.3 only. Intermediate: TLS 1.2 and 1.3 with forward-secret AEAD suites. FIPS: TLS 1.2 with the suites of
	// Istio's FIPS 140-2 compliance policy.
	// +optional
	Profile TLSProfile `json:"profile,omitempty"`
}

// CipherSuite is a suite that Istio accepts in a Gateway, in its (OpenSSL's) spelling.
//
// +kubebuilder:validation:MaxLength=32
type CipherSuite string

// Passthrough is a server whose TLS the gateway does not decrypt.
type Passthrough struct {
	GatewayServer `json:",inline"`

	// protocol is the protocol that the port declares: TLS (the default) or HTTPS. Both route by SNI.
	// +optional
	// +kubebuilder:default=TLS
	Protocol PassthroughProtocol `json:"protocol,omitempty"`
	// routing is how the destination is found. SNI (the default): by the tls rules of a VirtualService. Auto: the SNI itself
	// names the destination, as Istio's clients do between clusters (AUTO_PASSTHROUGH).
	// +optional
	// +kubebuilder:default=SNI
	Routing PassthroughRouting `json:"routing,omitempty"`
}

// Plaintext is a server of a gateway without TLS.
type Plaintext struct {
	GatewayServer `json:",inline"`

	// protocol is the protocol of the port. Default HTTP.
	// +optional
	// +kubebuilder:default=HTTP
	Protocol PlaintextProtocol `json:"protocol,omitempty"`
	// redirectToHTTPS, when true, answers every HTTP request with a redirect to https. Default false. For HTTP, HTTP2 and GRPC only.
	// +optional
	RedirectToHTTPS bool `json:"redirectToHTTPS,omitempty"`
}
