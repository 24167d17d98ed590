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

// Terminate is a server at which TLS ends at the gateway. The TLS fields are those of Istio's ServerTLSSettings. What Istio would
// refuse (validateTLSOptions in pkg/config/validation/validation.go) or silently ignore (BuildListenerTLSContext in
// pilot/pkg/networking/core/listener.go) is refused here.
//
// +kubebuilder:validation:XValidation:rule="!self.hosts.exists(h, isIP(h))",fieldPath=".hosts",reason=FieldValueForbidden,message="TLS servers are found by server name, which is never an IP address: use the DNS name, or * for every client"
//
// Where the gateway's certificate comes from.
//
// +kubebuilder:validation:XValidation:rule="self.mode == 'IstioMutual' || has(self.credentialName) || has(self.credentialNames) || has(self.serverCertificate) || has(self.privateKey)",reason=FieldValueRequired,message="the gateway needs a certificate: set credentialName, credentialNames, or serverCertificate and privateKey"
// +kubebuilder:validation:XValidation:rule="(has(self.credentialName) ? 1 : 0) + (has(self.credentialNames) ? 1 : 0) + (has(self.serverCertificate) || has(self.privateKey) ? 1 : 0) <= 1",reason=FieldValueForbidden,message="the gateway's certificate comes from one place: keep one of credentialName, credentialNames, and serverCertificate with privateKey"
// +kubebuilder:validation:XValidation:rule="has(self.serverCertificate) == has(self.privateKey)",reason=FieldValueRequired,message="serverCertificate and privateKey go together: set both or none"
// +kubebuilder:validation:XValidation:rule="self.mode != 'IstioMutual' || !(has(self.credentialName) || has(self.credentialNames) || has(self.serverCertificate) || has(self.privateKey) || has(self.caCertificates) || has(self.caCertCredentialName) || has(self.verifyCertificateSpki) || has(self.verifyCertificateHash))",reason=FieldValueForbidden,message="mode IstioMutual uses the certificates that Istio issues: remove the certificate and CA fields, or set mode Mutual"
//
// How clients are verified.
//
// +kubebuilder:validation:XValidation:rule="self.mode != 'Simple' || !(has(self.caCertificates) || has(self.caCertCredentialName) || has(self.caCrl) || has(self.subjectAltNames) || has(self.verifyCertificateSpki) || has(self.verifyCertificateHash))",reason=FieldValueForbidden,message="mode Simple asks clients for no certificate: to verify them set mode Mutual or OptionalMutual, else remove the CA fields, subjectAltNames and verifyCertificate fields"
// +kubebuilder:validation:XValidation:rule="!(self.mode in ['Mutual', 'OptionalMutual']) || !has(self.serverCertificate) || has(self.caCertificates)",fieldPath=".caCertificates",reason=FieldValueRequired,message="modes Mutual and OptionalMutual need the clients' CA: beside serverCertificate set caCertificates, or use credentialName, whose Secret holds it"
// +kubebuilder:validation:XValidation:rule="!has(self.caCertificates) || !(has(self.credentialName) || has(self.credentialNames))",fieldPath=".caCertificates",reason=FieldValueForbidden,message="Istio ignores caCertificates beside credentialName and credentialNames: put the CA into the Secret, or name it in caCertCredentialName"
// +kubebuilder:validation:XValidation:rule="!has(self.caCertCredentialName) || self.mode == 'IstioMutual' || has(self.credentialName) || has(self.credentialNames)",fieldPath=".caCertCredentialName",reason=FieldValueForbidden,message="Istio reads caCertCredentialName only beside credentialName or credentialNames: beside serverCertificate set caCertificates"
// +kubebuilder:validation:XValidation:rule="!has(self.caCrl) || !(has(self.credentialName) || has(self.credentialNames))",fieldPath=".caCrl",reason=FieldValueForbidden,message="caCrl is exclusive with credentialName and credentialNames: put the revocation list into the Secret as ca.crl"
// +kubebuilder:validation:XValidation:rule="!(has(self.verifyCertificateSpki) || has(self.verifyCertificateHash)) || !has(self.serverCertificate)",reason=FieldValueForbidden,message="Istio ignores verifyCertificateSpki and verifyCertificateHash beside serverCertificate: keep the certificate in a Secret and set credentialName"
//
// TLS versions and cipher suites. The names of the versions happen to sort as the versions do.
//
// +kubebuilder:validation:XValidation:rule="self.mode != 'IstioMutual' || !(has(self.minProtocolVersion) || has(self.maxProtocolVersion) || has(self.cipherSuites) || has(self.profile))",reason=FieldValueForbidden,message="Istio ignores TLS versions and cipher suites with mode IstioMutual: remove minProtocolVersion, maxProtocolVersion, cipherSuites and profile, or set mode Mutual"
// +kubebuilder:validation:XValidation:rule="(has(self.minProtocolVersion) && self.minProtocolVersion != 'TLS_AUTO' ? self.minProtocolVersion : 'TLSV1_2') <= (has(self.maxProtocolVersion) && self.maxProtocolVersion != 'TLS_AUTO' ? self.maxProtocolVersion : 'TLSV1_3')",fieldPath=".maxProtocolVersion",reason=FieldValueInvalid,message="maxProtocolVersion is below minProtocolVersion, which is TLSV1_2 unless set: raise the one or lower the other"
// +kubebuilder:validation:XValidation:rule="!has(self.minProtocolVersion) || !(self.minProtocolVersion in ['TLSV1_0', 'TLSV1_1']) || (has(self.cipherSuites) && self.cipherSuites.exists(c, c.endsWith('-SHA')))",fieldPath=".cipherSuites",reason=FieldValueRequired,message="TLS versions below TLSV1_2 need cipherSuites with one of the suites that end in -SHA, since Istio's default has none for them"
// +kubebuilder:validation:XValidation:rule="!has(self.cipherSuites) || !has(self.minProtocolVersion) || self.minProtocolVersion != 'TLSV1_3'",fieldPath=".cipherSuites",reason=FieldValueForbidden,message="TLS 1.3 has suites of its own and ignores cipherSuites: remove cipherSuites, or lower minProtocolVersion"
// +kubebuilder:validation:XValidation:rule="!has(self.profile) || !(has(self.minProtocolVersion) || has(self.maxProtocolVersion) || has(self.cipherSuites))",fieldPath=".profile",reason=FieldValueForbidden,message="profile chooses versions and suites: remove minProtocolVersion, maxProtocolVersion and cipherSuites, or remove profile"
//
// Curves and ALPN, which came with Istio 1.32.
//
// +kubebuilder:validation:XValidation:rule="!has(self.ecdhCurves) || self.mode != 'IstioMutual'",fieldPath=".ecdhCurves",reason=FieldValueForbidden,message="mode IstioMutual uses what the mesh uses: remove ecdhCurves, or set mode Mutual"
// +kubebuilder:validation:XValidation:rule="!has(self.ecdhCurves) || !has(self.profile)",fieldPath=".profile",reason=FieldValueForbidden,message="profile chooses curves too: remove ecdhCurves, or remove profile"
// +kubebuilder:validation:XValidation:rule="!has(self.ecdhCurves) || !has(self.maxProtocolVersion) || self.maxProtocolVersion in ['TLS_AUTO', 'TLSV1_3'] || self.ecdhCurves.exists(c, c != 'X25519MLKEM768')",fieldPath=".ecdhCurves",reason=FieldValueForbidden,message="X25519MLKEM768 needs TLS 1.3, and no other curve is left for the versions below: add a curve, or remove maxProtocolVersion"
// +kubebuilder:validation:XValidation:rule="!has(self.alpnProtocols) || self.mode != 'IstioMutual'",fieldPath=".alpnProtocols",reason=FieldValueForbidden,message="mode IstioMutual has ALPN protocols of its own: remove alpnProtocols, or set mode Mutual"
// +kubebuilder:validation:XValidation:rule="!has(self.alpnProtocols) || self.protocol != 'HTTPS' || self.alpnProtocols.exists(a, a in ['h2', 'http/1.1', 'http/1.0'])",fieldPath=".alpnProtocols",reason=FieldValueInvalid,message="a port of protocol HTTPS speaks h2 and http/1.1: name one of them, or set protocol TLS"
type Terminate struct {
	GatewayServer `json:",inline"`

	// protocol is what the TLS connection carries (port.protocol of a Gateway's server). HTTPS (the default): HTTP, routed by a
	// VirtualService's http rules. TLS: raw TCP, routed by its tcp rules.
	// +optional
	// +kubebuilder:default=HTTPS
	Protocol TerminateProtocol `json:"protocol,omitempty"`
	// mode is who shows a certificate (tls.mode of a Gateway's server). Simple (the default): the gateway. Mutual: the client too.
	// OptionalMutual: the client may. IstioMutual: both, with the certificates that Istio issues.
	// +optional
	// +kubebuilder:default=Simple
	Mode TerminateMode `json:"mode,omitempty"`

	// credentialName names the Secret, in the namespace of the gateway's pods, with the gateway's certificate and key, and for
	// Mutual and OptionalMutual the clients' CA, unless caCertCredentialName names it. Not for IstioMutual. Exclusive with
	// credentialNames, and with serverCertificate, privateKey, caCertificates and caCrl. At most 253 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="credentialName is the plain name of a Secret in the namespace of the gateway's pods"
	CredentialName string `json:"credentialName,omitempty"`
	// credentialNames names one or two such Secrets, for instance one with an RSA and one with an ECDSA certificate; the gateway
	// shows what the client can use. The clients' CA is taken from the first. Otherwise as credentialName. Each of at most 253
	// characters.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=2
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.size() != 2 || self[0] != self[1]",message="credentialNames names one Secret twice: name two Secrets, or keep one"
	// +kubebuilder:validation:items:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="an entry of credentialNames is the plain name of a Secret in the namespace of the gateway's pods"
	CredentialNames []string `json:"credentialNames,omitempty"`
	// serverCertificate is the path, in the gateway's file system, of the gateway's certificate (PEM). With privateKey, instead of
	// credentialName. At most 1024 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	ServerCertificate string `json:"serverCertificate,omitempty"`
	// privateKey is the path, in the gateway's file system, of the gateway's private key (PEM). With serverCertificate. At most 1024
	// characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	PrivateKey string `json:"privateKey,omitempty"`
	// caCertificates is the path, in the gateway's file system, of the CA certificates (PEM) that clients are verified against. For
	// Mutual and OptionalMutual, beside serverCertificate, where it is required. At most 1024 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	CACertificates string `json:"caCertificates,omitempty"`
	// caCrl is the path, in the gateway's file system, of the certificate revocation list (PEM) for clients. Omitted: none is
	// consulted. For Mutual and OptionalMutual beside serverCertificate, and for IstioMutual. At most 1024 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	CACRL string `json:"caCrl,omitempty"`
	// caCertCredentialName names the Secret, in the namespace of the gateway's pods, or as configmap://namespace/name the ConfigMap,
	// with the clients' CA. It wins over a CA in the Secret of credentialName. End a Secret's name in -cacert: Istio takes any other
	// for a certificate with its key, and then there is no CA. Istio looks for a Secret of the name without that ending too. For Mutual
	// and OptionalMutual, beside credentialName or credentialNames. At most 253 characters, or 329 as a ConfigMap.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=329
	// +kubebuilder:validation:XValidation:rule="self.matches('^(configmap://[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?/)?[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="caCertCredentialName is the plain name of a Secret, or configmap://namespace/name"
	CACertCredentialName string `json:"caCertCredentialName,omitempty"`

	// subjectAltNames are the names of which a client's certificate must have at least one, letter for letter: no wildcard is
	// expanded. Omitted: any certificate that the CA signed. Not for Simple. At most 32, each of at most 1024 characters.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=1024
	SubjectAltNames []string `json:"subjectAltNames,omitempty"`
	// verifyCertificateSpki are base64-encoded SHA-256 hashes of the public keys (SPKI) of the client certificates that are let in;
	// beside verifyCertificateHash a match in either list is enough. Omitted: every key. For Mutual and OptionalMutual, beside
	// credentialName or credentialNames. At most 32, each 44 characters.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=44
	// +kubebuilder:validation:items:XValidation:rule="self.matches('^[A-Za-z0-9+/]{43}=$')",message="an entry of verifyCertificateSpki is a SHA-256 hash in base64: 43 characters and ="
	VerifyCertificateSPKI []string `json:"verifyCertificateSpki,omitempty"`
	// verifyCertificateHash are hex-encoded SHA-256 hashes of the client certificates that are let in; beside verifyCertificateSpki a
	// match in either list is enough. Omitted: every certificate. For Mutual and OptionalMutual, beside credentialName or
	// credentialNames. At most 32, each 64 characters, or 95 with colons.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=95
	// +kubebuilder:validation:items:XValidation:rule="self.matches('^([0-9A-Fa-f]{64}|[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){31})$')",message="an entry of verifyCertificateHash is a SHA-256 hash in hex: 64 digits, or 32 pairs of digits with colons between them"
	VerifyCertificateHash []string `json:"verifyCertificateHash,omitempty"`

	// minProtocolVersion is the lowest TLS version that is accepted: TLSV1_0, TLSV1_1, TLSV1_2, TLSV1_3, or TLS_AUTO. Omitted, or
	// TLS_AUTO: Istio's default, the mesh config's tlsDefaults, else TLS 1.2. Below TLSV1_2 it needs cipherSuites. Not for IstioMutual.
	// +optional
	MinProtocolVersion TLSVersion `json:"minProtocolVersion,omitempty"`
	// maxProtocolVersion is the highest TLS version that is accepted. Omitted, or TLS_AUTO: Istio's default, TLS 1.3. Not for
	// IstioMutual.
	// +optional
	MaxProtocolVersion TLSVersion `json:"maxProtocolVersion,omitempty"`
	// cipherSuites are the suites that are accepted up to TLS 1.2, in order of preference; TLS 1.3 has its own and ignores them.
	// Omitted: Istio's default. Not for IstioMutual. At most 15: each of the suites that Istio knows, once.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=15
	CipherSuites []CipherSuite `json:"cipherSuites,omitempty"`
	// ecdhCurves are the groups that keys are agreed on with, in order of preference: P-256, P-384, P-521, X25519, and X25519MLKEM768,
	// which is safe against quantum computers and needs TLS 1.3. Omitted: Envoy's default. Not for IstioMutual. Needs a mesh with
	// Istio 1.32. At most 5.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=5
	ECDHCurves []ECDHCurve `json:"ecdhCurves,omitempty"`
	// alpnProtocols are the application protocols that the gateway offers in the handshake, in order of preference. Of HTTPS one is h2,
	// http/1.1 or http/1.0. Omitted: h2 and http/1.1. Not for IstioMutual. Needs a mesh with Istio 1.32. At most 8, each of at most 64
	// characters.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=64
	ALPNProtocols []string `json:"alpnProtocols,omitempty"`
	// profile is a named choice of minProtocolVersion, maxProtocolVersion, cipherSuites and ecdhCurves; exclusive with setting them by
	// hand. On a mesh before Istio 1.32, whose Gateways have no curves, all but PostQuantum choose none. Not for IstioMutual.
	// Omitted: none.
	// Modern: TLSV1_3 to TLSV1_3, with the curves X25519MLKEM768, X25519, P-256 and P-384.
	// Intermediate: TLSV1_2 to TLSV1_3 with the forward-secret AEAD suites that Istio knows: ECDHE-ECDSA-AES128-GCM-SHA256,
	// ECDHE-RSA-AES128-GCM-SHA256, ECDHE-ECDSA-AES256-GCM-SHA384, ECDHE-RSA-AES256-GCM-SHA384, ECDHE-ECDSA-CHACHA20-POLY1305,
	// ECDHE-RSA-CHACHA20-POLY1305. Both follow Mozilla's recommendations for servers of these names, without the DHE suites, which
	// Envoy does not have. Intermediate has the curves of Modern.
	// FIPS: TLSV1_2 to TLSV1_2 with ECDHE-ECDSA-AES128-GCM-SHA256, ECDHE-RSA-AES128-GCM-SHA256, ECDHE-ECDSA-AES256-GCM-SHA384,
	// ECDHE-RSA-AES256-GCM-SHA384: what Istio's compliance policy fips-140-2 enforces (pkg/model/fips.go),
	// with the curve P-256.
	// PostQuantum: TLSV1_3 to TLSV1_3 with the curve X25519MLKEM768 alone: what Istio's compliance policy pqc means. Clients that cannot
	// agree on keys that way are refused. Needs a mesh with Istio 1.32.
	// +optional
	Profile TLSProfile `json:"profile,omitempty"`
}
