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

// ClientTLS is the TLS that a client sends. The fields are those of Istio's ClientTLSSettings. What Istio would refuse
// (ValidateTLS in pkg/config/validation/agent/validation.go) or silently ignore (pilot/pkg/networking/core/cluster_tls.go) is
// refused here.
//
// +kubebuilder:validation:XValidation:rule="!has(self.mode) || !(self.mode in ['Simple', 'Mutual', 'IstioMutual']) ? !(has(self.clientCertificate) || has(self.privateKey) || has(self.caCertificates) || has(self.caCrl) || has(self.credentialName) || has(self.subjectAltNames) || has(self.sni) || (has(self.insecureSkipVerify) && self.insecureSkipVerify)) : self.mode == 'IstioMutual' ? !(has(self.clientCertificate) || has(self.privateKey) || has(self.caCertificates) || has(self.caCrl) || has(self.credentialName) || (has(self.insecureSkipVerify) && self.insecureSkipVerify)) : self.mode == 'Mutual' || !(has(self.clientCertificate) || has(self.privateKey))",reason=FieldValueForbidden,messageExpression="!has(self.mode) || !(self.mode in ['Simple', 'Mutual', 'IstioMutual']) ? 'TLS fields need mode Simple, Mutual or IstioMutual: set one of these modes, or remove the fields beside mode' : self.mode == 'Simple' ? 'mode Simple sends no client certificate: remove clientCertificate and privateKey, or set mode Mutual' : 'mode IstioMutual uses the certificates that Istio issues: beside it only subjectAltNames and sni may be set; for certificates of your own set mode Simple or Mutual'"
// +kubebuilder:validation:XValidation:rule="!has(self.mode) || self.mode != 'Mutual' || has(self.credentialName) || (has(self.clientCertificate) && has(self.privateKey))",reason=FieldValueRequired,message="mode Mutual needs a client certificate: set credentialName, or clientCertificate and privateKey"
// +kubebuilder:validation:XValidation:rule="!has(self.credentialName) || (!(has(self.clientCertificate) || has(self.privateKey) || has(self.caCertificates) || has(self.caCrl)) && (!self.credentialName.startsWith('configmap://') || (has(self.mode) && self.mode == 'Simple')))",fieldPath=".credentialName",reason=FieldValueForbidden,messageExpression="!self.credentialName.startsWith('configmap://') || (has(self.mode) && self.mode == 'Simple') ? 'credentialName is exclusive with clientCertificate, privateKey, caCertificates and caCrl: the Secret holds them all' : 'a ConfigMap holds a CA but no client certificate: use configmap:// with mode Simple, or name a Secret'"
// +kubebuilder:validation:XValidation:rule="!has(self.insecureSkipVerify) || !self.insecureSkipVerify || (!(has(self.caCertificates) || has(self.caCrl) || has(self.subjectAltNames)) && (!has(self.mode) || self.mode != 'Simple' || !has(self.credentialName)))",fieldPath=".insecureSkipVerify",reason=FieldValueForbidden,messageExpression="!(has(self.caCertificates) || has(self.caCrl) || has(self.subjectAltNames)) ? 'with mode Simple credentialName only verifies the server, which insecureSkipVerify leaves out: remove one of the two' : 'insecureSkipVerify leaves the server unverified: remove caCertificates, caCrl and subjectAltNames, or better insecureSkipVerify'"
type ClientTLS struct {
	// mode is the TLS that is sent (tls.mode of a DestinationRule). Auto: Istio decides per endpoint (auto mTLS). Disable: none is
	// originated; what the application sends goes out as it is. Simple: TLS. Mutual: TLS with a client certificate. IstioMutual:
	// mutual TLS with the certificates that Istio issues. Omitted, which is allowed only beside ports: as it would be without this
	// entry. The fields below need Simple, Mutual or IstioMutual.
	// +optional
	Mode SendMode `json:"mode,omitempty"`
	// clientCertificate is the path, in the proxy's file system, of the client certificate (PEM). For Mutual, with privateKey.
	// At most 1024 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	ClientCertificate string `json:"clientCertificate,omitempty"`
	// privateKey is the path, in the proxy's file system, of the client certificate's private key (PEM). For Mutual, with
	// clientCertificate. At most 1024 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	PrivateKey string `json:"privateKey,omitempty"`
	// caCertificates is the path, in the proxy's file system, of the CA certificates (PEM) that the server's certificate is
	// verified against. Omitted: the system's CA bundle. For Simple and Mutual. At most 1024 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	CACertificates string `json:"caCertificates,omitempty"`
	// caCrl is the path, in the proxy's file system, of the certificate revocation list (PEM) for the server's certificate.
	// Omitted: none is consulted. For Simple and Mutual. Exclusive with credentialName, whose Secret holds its own list. At most
	// 1024 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	CACRL string `json:"caCrl,omitempty"`
	// credentialName names the Secret, in the namespace of the client's pods, that holds the CA, and for Mutual the client
	// certificate and its key. It needs a workload or gateway target: without a workload selector Istio ignores it at a sidecar and
	// sends plaintext. With Simple it may also be configmap://namespace/name, a ConfigMap with the CA in the policy's own namespace,
	// which needs no target. Exclusive with clientCertificate, privateKey, caCertificates and caCrl. At most 253 characters, or 329
	// as a ConfigMap.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=329
	// +kubebuilder:validation:XValidation:rule="self.matches('^(configmap://[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?/)?[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="credentialName is the plain name of a Secret, or configmap://namespace/name"
	CredentialName string `json:"credentialName,omitempty"`
	// subjectAltNames are the names of which the server's certificate must have at least one, letter for letter: no wildcard is
	// expanded. Omitted: the request's host, or with IstioMutual the service accounts of the destination. At most 32, each of at most
	// 1024 characters.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=1024
	SubjectAltNames []string `json:"subjectAltNames,omitempty"`
	// sni is the server name that is sent in the TLS handshake: one DNS name of at most 253 characters. Omitted: the request's host;
	// with IstioMutual the name that Istio generates.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9_]([-A-Za-z0-9_.]*[A-Za-z0-9_])?$')",message="sni is one DNS name, without scheme, port, wildcard or trailing dot"
	SNI string `json:"sni,omitempty"`
	// insecureSkipVerify, when true, sends TLS without verifying the server's certificate: whoever answers is believed. Default
	// false. For tests only. Exclusive with caCertificates, caCrl and subjectAltNames, and with Simple also with credentialName.
	// +optional
	InsecureSkipVerify *bool `json:"insecureSkipVerify,omitempty"`
}

// Send is the TLS that the policy's target sends to some hosts.
//
// +kubebuilder:validation:XValidation:rule="has(self.mode) || has(self.ports)",fieldPath=".mode",reason=FieldValueRequired,message="say what is sent to the hosts: set mode, or ports with their modes"
type Send struct {
	// hosts are the destinations (host of a DestinationRule): a fully qualified name, the short name of a Service of the policy's
	// namespace, a left-most wildcard such as *.example.com, or * alone. Lower case, without scheme, port or trailing dot; no IP
	// addresses. At most 64 in an entry, each of at most 253 characters.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:XValidation:rule="self.matches('^([*]|([*][.])?[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?([.][a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*)$')",message="a host is a DNS name in lower case, a Service's name, a wildcard as in *.example.com, or *: without scheme, port, path or trailing dot"
	// +kubebuilder:validation:items:XValidation:rule="!self.matches('[.][0-9]+$')",message="a host is a name, not an IP address: name the Service or ServiceEntry that stands for the address"
	Hosts []string `json:"hosts"`

	ClientTLS `json:",inline"`

	// ports are exceptions for single ports of the destination (portLevelSettings of a DestinationRule). A port's entry stands for
	// itself: it takes nothing from the fields beside mode. Omitted: every port has the entry's mode. At most 32.
	// +optional
	// +listType=map
	// +listMapKey=port
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Ports []SendPort `json:"ports,omitempty"`

	// clients says whose traffic to these hosts the entry governs, in a policy without workload and gateway (exportTo of a
	// DestinationRule). Namespace (the default): the workloads of the policy's namespace. All: every client in the mesh; accepted
	// only for hosts that belong to the policy's own namespace, or from Istio's root namespace.
	// +optional
	Clients SendClients `json:"clients,omitempty"`
}

// SendPort is the TLS that is sent to one port of a destination.
//
// +kubebuilder:validation:XValidation:rule="has(self.mode)",fieldPath=".mode",reason=FieldValueRequired,message="say what is sent to the port: set mode"
type SendPort struct {
	// port is a port number of the destination Service, as in a DestinationRule: not the container's. 1 to 65535.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port"`

	ClientTLS `json:",inline"`
}
