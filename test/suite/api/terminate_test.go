package api_test

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
)

var _ = Describe("terminate", func() { describe(terminateRules) })

// A SHA-256 hash in base64 and in hex.
var (
	spkiHash = strings.Repeat("A", 43) + "="
	certHash = strings.Repeat("0a", 32)
)

var terminateRules = []rule{
	{
		name:    "no certificate",
		field:   "spec.terminate[0]",
		message: "the gateway needs a certificate: set credentialName, credentialNames, or serverCertificate and privateKey",
		accepts: terminating(`mode: IstioMutual`),
		refuses: terminating(`mode: Simple`),
	},
	{
		name:    "two sources of the certificate",
		field:   "spec.terminate[0]",
		message: "the gateway's certificate comes from one place: keep one of credentialName, credentialNames, and serverCertificate with privateKey",
		accepts: terminating(`serverCertificate: /cert.pem, privateKey: /key.pem`),
		refuses: terminating(`credentialName: a, serverCertificate: /cert.pem, privateKey: /key.pem`),
	},
	{
		name:    "credentialName beside credentialNames",
		field:   "spec.terminate[0]",
		message: "the gateway's certificate comes from one place: keep one of credentialName, credentialNames, and serverCertificate with privateKey",
		accepts: terminating(`credentialNames: [a, b]`),
		refuses: terminating(`credentialName: a, credentialNames: [b]`),
	},
	{
		name:    "a certificate without its key",
		field:   "spec.terminate[0]",
		message: "serverCertificate and privateKey go together: set both or none",
		accepts: terminating(`serverCertificate: /cert.pem, privateKey: /key.pem`),
		refuses: terminating(`serverCertificate: /cert.pem`),
	},
	{
		name:    "IstioMutual with a certificate",
		field:   "spec.terminate[0]",
		message: "mode IstioMutual uses the certificates that Istio issues: remove the certificate and CA fields, or set mode Mutual",
		accepts: terminating(`mode: IstioMutual, subjectAltNames: ["spiffe://cluster.local/ns/a/sa/a"], caCrl: /crl.pem`),
		refuses: terminating(`mode: IstioMutual, credentialName: a`),
	},
	{
		name:    "IstioMutual with a CA credential",
		field:   "spec.terminate[0]",
		message: "mode IstioMutual uses the certificates that Istio issues: remove the certificate and CA fields, or set mode Mutual",
		accepts: terminating(`mode: IstioMutual, protocol: TLS`),
		refuses: terminating(`mode: IstioMutual, caCertCredentialName: a`),
	},
	{
		name:    "Simple with a CA",
		field:   "spec.terminate[0]",
		message: "mode Simple asks clients for no certificate: to verify them set mode Mutual or OptionalMutual, else remove the CA fields, subjectAltNames and verifyCertificate fields",
		accepts: terminating(`mode: OptionalMutual, serverCertificate: /cert.pem, privateKey: /key.pem, caCertificates: /ca.pem, caCrl: /crl.pem, subjectAltNames: [c]`),
		refuses: terminating(`serverCertificate: /cert.pem, privateKey: /key.pem, caCertificates: /ca.pem`),
	},
	{
		name:    "Simple with names of clients",
		field:   "spec.terminate[0]",
		message: "mode Simple asks clients for no certificate: to verify them set mode Mutual or OptionalMutual, else remove the CA fields, subjectAltNames and verifyCertificate fields",
		accepts: terminating(`mode: Mutual, credentialName: a, subjectAltNames: [c]`),
		refuses: terminating(`mode: Simple, credentialName: a, subjectAltNames: [c]`),
	},
	{
		name:    "Mutual without a CA",
		field:   "spec.terminate[0].caCertificates",
		message: "modes Mutual and OptionalMutual need the clients' CA: beside serverCertificate set caCertificates, or use credentialName, whose Secret holds it",
		accepts: terminating(`mode: Mutual, serverCertificate: /cert.pem, privateKey: /key.pem, caCertificates: /ca.pem`),
		refuses: terminating(`mode: Mutual, serverCertificate: /cert.pem, privateKey: /key.pem`),
	},
	{
		name:    "OptionalMutual without a CA",
		field:   "spec.terminate[0].caCertificates",
		message: "modes Mutual and OptionalMutual need the clients' CA: beside serverCertificate set caCertificates, or use credentialName, whose Secret holds it",
		accepts: terminating(`mode: OptionalMutual, credentialNames: [a]`),
		refuses: terminating(`mode: OptionalMutual, serverCertificate: /cert.pem, privateKey: /key.pem`),
	},
	{
		name:    "caCertificates beside credentialName",
		field:   "spec.terminate[0].caCertificates",
		message: "Istio ignores caCertificates beside credentialName and credentialNames: put the CA into the Secret, or name it in caCertCredentialName",
		accepts: terminating(`mode: Mutual, credentialName: a, caCertCredentialName: b`),
		refuses: terminating(`mode: Mutual, credentialName: a, caCertificates: /ca.pem`),
	},
	{
		name:    "caCertCredentialName beside serverCertificate",
		field:   "spec.terminate[0].caCertCredentialName",
		message: "Istio reads caCertCredentialName only beside credentialName or credentialNames: beside serverCertificate set caCertificates",
		accepts: terminating(`mode: Mutual, credentialNames: [a], caCertCredentialName: "configmap://edge/ca"`),
		refuses: terminating(`mode: Mutual, serverCertificate: /cert.pem, privateKey: /key.pem, caCertificates: /ca.pem, caCertCredentialName: b`),
	},
	{
		name:    "caCrl beside credentialName",
		field:   "spec.terminate[0].caCrl",
		message: "caCrl is exclusive with credentialName and credentialNames: put the revocation list into the Secret as ca.crl",
		accepts: terminating(`mode: Mutual, serverCertificate: /cert.pem, privateKey: /key.pem, caCertificates: /ca.pem, caCrl: /crl.pem`),
		refuses: terminating(`mode: Mutual, credentialName: a, caCrl: /crl.pem`),
	},
	{
		name:    "hashes of clients beside serverCertificate",
		field:   "spec.terminate[0]",
		message: "Istio ignores verifyCertificateSpki and verifyCertificateHash beside serverCertificate: keep the certificate in a Secret and set credentialName",
		accepts: terminating(`mode: Mutual, credentialName: a, verifyCertificateSpki: ["` + spkiHash + `"]`),
		refuses: terminating(`mode: Mutual, serverCertificate: /cert.pem, privateKey: /key.pem, caCertificates: /ca.pem, verifyCertificateSpki: ["` + spkiHash + `"]`),
	},
	{
		name:    "a hash of a key that is none",
		field:   "spec.terminate[0].verifyCertificateSpki[0]",
		message: "an entry of verifyCertificateSpki is a SHA-256 hash in base64: 43 characters and =",
		accepts: terminating(`mode: Mutual, credentialName: a, verifyCertificateSpki: ["` + spkiHash + `"]`),
		refuses: terminating(`mode: Mutual, credentialName: a, verifyCertificateSpki: [AAAA]`),
	},
	{
		name:    "a hash of a certificate that is none",
		field:   "spec.terminate[0].verifyCertificateHash[0]",
		message: "an entry of verifyCertificateHash is a SHA-256 hash in hex: 64 digits, or 32 pairs of digits with colons between them",
		accepts: terminating(`mode: Mutual, credentialName: a, verifyCertificateHash: ["` + certHash + `", "0A` + strings.Repeat(":0A", 31) + `"]`),
		refuses: terminating(`mode: Mutual, credentialName: a, verifyCertificateHash: ["0a"]`),
	},
	{
		name:    "a credentialName with a namespace",
		field:   "spec.terminate[0].credentialName",
		message: "credentialName is the plain name of a Secret in the namespace of the gateway's pods",
		accepts: terminating(`credentialName: a.example-cert`),
		refuses: terminating(`credentialName: shop/a`),
	},
	{
		name:    "credentialNames with a scheme",
		field:   "spec.terminate[0].credentialNames[1]",
		message: "an entry of credentialNames is the plain name of a Secret in the namespace of the gateway's pods",
		accepts: terminating(`credentialNames: [rsa, ecdsa]`),
		refuses: terminating(`credentialNames: [rsa, "kubernetes://ecdsa"]`),
	},
	{
		name:    "a Secret twice",
		field:   "spec.terminate[0].credentialNames",
		message: "credentialNames names one Secret twice: name two Secrets, or keep one",
		accepts: terminating(`credentialNames: [a]`),
		refuses: terminating(`credentialNames: [a, a]`),
	},
	{
		name:    "a caCertCredentialName that is no name",
		field:   "spec.terminate[0].caCertCredentialName",
		message: "caCertCredentialName is the plain name of a Secret, or configmap://namespace/name",
		accepts: terminating(`mode: Mutual, credentialName: a, caCertCredentialName: a-cacert`),
		refuses: terminating(`mode: Mutual, credentialName: a, caCertCredentialName: "configmap://ca"`),
	},
	{
		name:    "IstioMutual with a TLS version",
		field:   "spec.terminate[0]",
		message: versionsIgnored,
		accepts: terminating(`mode: Mutual, credentialName: a, minProtocolVersion: TLSV1_3`),
		refuses: terminating(`mode: IstioMutual, minProtocolVersion: TLSV1_3`),
	},
	{
		name:    "IstioMutual with a profile",
		field:   "spec.terminate[0]",
		message: versionsIgnored,
		accepts: terminating(`mode: OptionalMutual, credentialName: a, profile: FIPS`),
		refuses: terminating(`mode: IstioMutual, profile: FIPS`),
	},
	{
		name:    "min above max",
		field:   "spec.terminate[0].maxProtocolVersion",
		message: versionsOutOfOrder,
		accepts: terminating(`credentialName: a, minProtocolVersion: TLSV1_2, maxProtocolVersion: TLSV1_2`),
		refuses: terminating(`credentialName: a, minProtocolVersion: TLSV1_3, maxProtocolVersion: TLSV1_2`),
	},
	{
		name:    "max below the min of Istio's default",
		field:   "spec.terminate[0].maxProtocolVersion",
		message: versionsOutOfOrder,
		accepts: terminating(`credentialName: a, minProtocolVersion: TLSV1_0, maxProtocolVersion: TLSV1_1, cipherSuites: [AES128-SHA]`),
		refuses: terminating(`credentialName: a, minProtocolVersion: TLS_AUTO, maxProtocolVersion: TLSV1_1`),
	},
	{
		name:    "TLS 1.0 without suites",
		field:   "spec.terminate[0].cipherSuites",
		message: oldVersions,
		accepts: terminating(`credentialName: a, minProtocolVersion: TLSV1_0, cipherSuites: [ECDHE-RSA-AES128-GCM-SHA256, ECDHE-RSA-AES128-SHA]`),
		refuses: terminating(`credentialName: a, minProtocolVersion: TLSV1_0`),
	},
	{
		name:    "TLS 1.1 with suites of TLS 1.2 alone",
		field:   "spec.terminate[0].cipherSuites",
		message: oldVersions,
		accepts: terminating(`credentialName: a, minProtocolVersion: TLSV1_1, cipherSuites: [DES-CBC3-SHA]`),
		refuses: terminating(`credentialName: a, minProtocolVersion: TLSV1_1, cipherSuites: [AES128-GCM-SHA256]`),
	},
	{
		name:    "suites with TLS 1.3 alone",
		field:   "spec.terminate[0].cipherSuites",
		message: "TLS 1.3 has suites of its own and ignores cipherSuites: remove cipherSuites, or lower minProtocolVersion",
		accepts: terminating(`credentialName: a, minProtocolVersion: TLSV1_2, cipherSuites: [AES256-GCM-SHA384]`),
		refuses: terminating(`credentialName: a, minProtocolVersion: TLSV1_3, cipherSuites: [AES256-GCM-SHA384]`),
	},
	{
		name:    "IstioMutual with curves",
		field:   "spec.terminate[0].ecdhCurves",
		message: "mode IstioMutual uses what the mesh uses: remove ecdhCurves, or set mode Mutual",
		accepts: terminating(`mode: Mutual, credentialName: a, ecdhCurves: [X25519, P-256]`),
		refuses: terminating(`mode: IstioMutual, ecdhCurves: [X25519]`),
	},
	{
		name:    "a profile beside curves",
		field:   "spec.terminate[0].profile",
		message: "profile chooses curves too: remove ecdhCurves, or remove profile",
		accepts: terminating(`credentialName: a, profile: PostQuantum`),
		refuses: terminating(`credentialName: a, profile: PostQuantum, ecdhCurves: [X25519]`),
	},
	{
		name:    "a curve of TLS 1.3 without TLS 1.3",
		field:   "spec.terminate[0].ecdhCurves",
		message: "X25519MLKEM768 needs TLS 1.3, and no other curve is left for the versions below: add a curve, or remove maxProtocolVersion",
		accepts: terminating(`credentialName: a, maxProtocolVersion: TLSV1_2, ecdhCurves: [X25519MLKEM768, X25519]`),
		refuses: terminating(`credentialName: a, maxProtocolVersion: TLSV1_2, ecdhCurves: [X25519MLKEM768]`),
	},
	{
		name:    "IstioMutual with ALPN protocols",
		field:   "spec.terminate[0].alpnProtocols",
		message: "mode IstioMutual has ALPN protocols of its own: remove alpnProtocols, or set mode Mutual",
		accepts: terminating(`mode: Mutual, credentialName: a, alpnProtocols: [h2]`),
		refuses: terminating(`mode: IstioMutual, alpnProtocols: [h2]`),
	},
	{
		name:    "HTTPS without a protocol of HTTP",
		field:   "spec.terminate[0].alpnProtocols",
		message: "a port of protocol HTTPS speaks h2 and http/1.1: name one of them, or set protocol TLS",
		accepts: terminating(`protocol: TLS, credentialName: a, alpnProtocols: [mqtt]`),
		refuses: terminating(`credentialName: a, alpnProtocols: [mqtt]`),
	},
	{
		name:    "a profile beside versions",
		field:   "spec.terminate[0].profile",
		message: "profile chooses versions and suites: remove minProtocolVersion, maxProtocolVersion and cipherSuites, or remove profile",
		accepts: terminating(`credentialName: a, profile: Modern`),
		refuses: terminating(`credentialName: a, profile: Modern, maxProtocolVersion: TLSV1_3`),
	},
}

const (
	versionsIgnored = "Istio ignores TLS versions and cipher suites with mode IstioMutual: remove minProtocolVersion, maxProtocolVersion, " +
		"cipherSuites and profile, or set mode Mutual"
	versionsOutOfOrder = "maxProtocolVersion is below minProtocolVersion, which is TLSV1_2 unless set: raise the one or lower the other"
	oldVersions        = "TLS versions below TLSV1_2 need cipherSuites with one of the suites that end in -SHA, since Istio's default has none for them"
)

// terminating returns the spec of a gateway with one server that has the settings.
func terminating(tls string) string {
	return `{gateway: {service: edge}, terminate: [{port: 443, hosts: [a.example], ` + tls + `}]}`
}
