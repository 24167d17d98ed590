package v1alpha1

// TLSVersion is a version of the TLS protocol, in Istio's names. TLS_AUTO is Istio's default: TLS 1.2 as the lowest, TLS 1.3 as
// the highest.
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

// CipherSuite is a suite that Istio accepts in a Gateway, in its (OpenSSL's) spelling: the list of ValidCipherSuites in Istio's
// pkg/config/security/security.go. Istio drops a name that it does not know with no more than a warning, and a list of such names
// becomes its default; so such names are refused here, and so are BoringSSL's operators.
//
// +kubebuilder:validation:Enum=ECDHE-ECDSA-AES128-GCM-SHA256;ECDHE-RSA-AES128-GCM-SHA256;ECDHE-ECDSA-AES256-GCM-SHA384;ECDHE-RSA-AES256-GCM-SHA384;ECDHE-ECDSA-CHACHA20-POLY1305;ECDHE-RSA-CHACHA20-POLY1305;ECDHE-ECDSA-AES128-SHA;ECDHE-RSA-AES128-SHA;ECDHE-ECDSA-AES256-SHA;ECDHE-RSA-AES256-SHA;AES128-GCM-SHA256;AES256-GCM-SHA384;AES128-SHA;AES256-SHA;DES-CBC3-SHA
type CipherSuite string

// The suites of TLS 1.2 with forward secrecy and authenticated encryption.
const (
	ECDHEECDSAAES128GCM        CipherSuite = "ECDHE-ECDSA-AES128-GCM-SHA256"
	ECDHERSAAES128GCM          CipherSuite = "ECDHE-RSA-AES128-GCM-SHA256"
	ECDHEECDSAAES256GCM        CipherSuite = "ECDHE-ECDSA-AES256-GCM-SHA384"
	ECDHERSAAES256GCM          CipherSuite = "ECDHE-RSA-AES256-GCM-SHA384"
	ECDHEECDSACHACHA20POLY1305 CipherSuite = "ECDHE-ECDSA-CHACHA20-POLY1305"
	ECDHERSACHACHA20POLY1305   CipherSuite = "ECDHE-RSA-CHACHA20-POLY1305"
)

// The suites that also serve TLS 1.0 and 1.1 (they use SHA-1), and those of TLS 1.2 without forward secrecy.
const (
	ECDHEECDSAAES128SHA CipherSuite = "ECDHE-ECDSA-AES128-SHA"
	ECDHERSAAES128SHA   CipherSuite = "ECDHE-RSA-AES128-SHA"
	ECDHEECDSAAES256SHA CipherSuite = "ECDHE-ECDSA-AES256-SHA"
	ECDHERSAAES256SHA   CipherSuite = "ECDHE-RSA-AES256-SHA"
	AES128GCM           CipherSuite = "AES128-GCM-SHA256"
	AES256GCM           CipherSuite = "AES256-GCM-SHA384"
	AES128SHA           CipherSuite = "AES128-SHA"
	AES256SHA           CipherSuite = "AES256-SHA"
	TripleDESSHA        CipherSuite = "DES-CBC3-SHA"
)

// ECDHCurve is a group that keys are agreed on with, in Envoy's spelling.
//
// +kubebuilder:validation:Enum=P-256;P-384;P-521;X25519;X25519MLKEM768
type ECDHCurve string

// The curves that Envoy and Istio support, without weak ones and drafts.
const (
	P256           ECDHCurve = "P-256"
	P384           ECDHCurve = "P-384"
	P521           ECDHCurve = "P-521"
	X25519         ECDHCurve = "X25519"
	X25519MLKEM768 ECDHCurve = "X25519MLKEM768"
)

// TLSProfile is a named choice of TLS versions, cipher suites and curves.
//
// +kubebuilder:validation:Enum=Modern;Intermediate;FIPS;PostQuantum
type TLSProfile string

const (
	// ProfileModern: TLS 1.3 only.
	ProfileModern TLSProfile = "Modern"
	// ProfileIntermediate: TLS 1.2 and 1.3, forward-secret AEAD suites.
	ProfileIntermediate TLSProfile = "Intermediate"
	// ProfileFIPS: TLS 1.2 and the suites that Istio's compliance policy for FIPS 140-2 allows.
	ProfileFIPS TLSProfile = "FIPS"
	// ProfilePostQuantum: TLS 1.3 and a key agreement that quantum computers do not break.
	ProfilePostQuantum TLSProfile = "PostQuantum"
)
