package v1alpha1

// SendMode is the TLS that is sent to a host.
//
// +kubebuilder:validation:Enum=Auto;Disable;Simple;Mutual;IstioMutual
type SendMode string

const (
	// SendAuto: Istio decides per endpoint (auto mTLS). The rendered level carries no tls.
	SendAuto SendMode = "Auto"
	// SendDisable: no TLS is originated. Istio's DISABLE.
	SendDisable SendMode = "Disable"
	// SendSimple: TLS, the server's certificate is verified. Istio's SIMPLE.
	SendSimple SendMode = "Simple"
	// SendMutual: TLS with a client certificate of one's own. Istio's MUTUAL.
	SendMutual SendMode = "Mutual"
	// SendIstioMutual: mutual TLS with the certificates that Istio issues. Istio's ISTIO_MUTUAL.
	SendIstioMutual SendMode = "IstioMutual"
)

// SendClients says whose traffic an entry of send governs.
//
// +kubebuilder:validation:Enum=Namespace;All
type SendClients string

const (
	// ClientsNamespace: the workloads of the policy's namespace.
	ClientsNamespace SendClients = "Namespace"
	// ClientsAll: every client in the mesh.
	ClientsAll SendClients = "All"
)

// ClientTLS is the TLS that a client sends. The fields are those of Istio's ClientTLSSettings.
type ClientTLS struct {
	// mode is the TLS that is sent. Auto: Istio decides per endpoint (auto mTLS). Disable: none is originated; what the
	// application sends goes out as it is. Simple: TLS. Mutual: TLS with a client certificate. IstioMutual: mutual TLS with the
	// certificates that Istio issues. Omitted, which is allowed only beside ports: as it would be without this entry.
	// +optional
	Mode SendMode `json:"mode,omitempty"`
	// clientCertificate is the path, in the proxy's file system, of the client certificate (PEM). For Mutual, with privateKey.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	ClientCertificate string `json:"clientCertificate,omitempty"`
	// privateKey is the path, in the proxy's file system, of the client certificate's private key (PEM). For Mutual, with clientCertificate.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	PrivateKey string `json:"privateKey,omitempty"`
	// caCertificates is the path, in the proxy's file system, of the CA certificates (PEM) that the server's certificate is
	// verified against. Omitted: the system's CA bundle. For Simple and Mutual.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	CACertificates string `json:"caCertificates,omitempty"`
	// caCrl is the path, in the proxy's file system, of the certificate revocation list (PEM) for the server's certificate.
	// Exclusive with credentialName, whose Secret holds its own list.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	CACRL string `json:"caCrl,omitempty"`
	// credentialName names the Secret, in the namespace of the client's pods, that holds the client certificate, its key and
	// the CA. It needs a workload or gateway target: without a workload selector Istio ignores it at a sidecar and sends plaintext.
	// Exclusive with clientCertificate, privateKey, caCertificates and caCrl.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	CredentialName string `json:"credentialName,omitempty"`
	// subjectAltNames are the names of which the server's certificate must have at least one. Omitted: the request's host, or
	// with IstioMutual the service accounts of the destination.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=1024
	SubjectAltNames []string `json:"subjectAltNames,omitempty"`
	// sni is the server name that is sent in the TLS handshake. Omitted: the request's host; with IstioMutual the name that Istio generates.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	SNI string `json:"sni,omitempty"`
	// insecureSkipVerify, when true, sends TLS without verifying the server's certificate. Default false. For tests only.
	// +optional
	InsecureSkipVerify *bool `json:"insecureSkipVerify,omitempty"`
}

// Send is the TLS that the policy's target sends to some hosts.
type Send struct {
	// hosts are the destinations: a fully qualified name, the short name of a Service of the policy's namespace, or a
	// left-most wildcard such as *.example.com.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	Hosts []string `json:"hosts"`

	ClientTLS `json:",inline"`

	// ports are exceptions for single ports of the destination.
	// +optional
	// +listType=map
	// +listMapKey=port
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Ports []SendPort `json:"ports,omitempty"`

	// clients says whose traffic to these hosts the entry governs, in a policy without workload and gateway. Namespace (the
	// default): the workloads of the policy's namespace. All: every client in the mesh; accepted only for hosts that belong to
	// the policy's own namespace, or from Istio's root namespace.
	// +optional
	Clients SendClients `json:"clients,omitempty"`
}

// SendPort is the TLS that is sent to one port of a destination.
type SendPort struct {
	// port is a port number of the destination Service, as in a DestinationRule: not the container's.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port"`

	ClientTLS `json:",inline"`
}
