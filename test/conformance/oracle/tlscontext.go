package oracle

import (
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"istio.io/istio/pilot/test/xdstest"
)

// Certificates are what a TLS context shows and believes, by the names under which Envoy asks for them: "default" and "ROOTCA"
// are Istio's own, kubernetes://<name> a Secret's, file-cert:<certificate>~<key> and file-root:<path> files.
type Certificates struct {
	// Shown are the certificates, joined by a comma.
	Shown string `json:"shown,omitempty"`
	// Roots is what the other end's certificate is verified against; empty: it is not.
	Roots string `json:"roots,omitempty"`
	// Names are the subject alternative names of which the other end must have one.
	Names []string `json:"names,omitempty"`
	// Revoked is the file with the revocation list.
	Revoked string `json:"revoked,omitempty"`
	// Pinned are the hashes of which the other end's certificate, or its key, must have one.
	Pinned []string `json:"pinned,omitempty"`
}

func certificatesOf(context *tlsv3.CommonTlsContext) Certificates {
	shown := make([]string, 0, len(context.GetTlsCertificateSdsSecretConfigs()))
	for _, certificate := range context.GetTlsCertificateSdsSecretConfigs() {
		shown = append(shown, certificate.GetName())
	}
	combined := context.GetCombinedValidationContext()
	verified := combined.GetDefaultValidationContext()
	found := Certificates{
		Shown:   strings.Join(shown, ","),
		Roots:   combined.GetValidationContextSdsSecretConfig().GetName(),
		Revoked: verified.GetCrl().GetFilename(),
		Pinned:  slices.Concat(verified.GetVerifyCertificateSpki(), verified.GetVerifyCertificateHash()),
	}
	for _, name := range verified.GetMatchSubjectAltNames() { //nolint:staticcheck // what Istio writes
		found.Names = append(found.Names, name.GetExact())
	}
	return found
}

// istioCertificate is the name of the certificate that Istio issued to the proxy.
const istioCertificate = "default"

func upstream(socket *corev3.TransportSocket) *tlsv3.UpstreamTlsContext {
	return xdstest.SilentlyUnmarshalAny[tlsv3.UpstreamTlsContext](socket.GetTypedConfig())
}

func downstream(socket *corev3.TransportSocket) *tlsv3.DownstreamTlsContext {
	return xdstest.SilentlyUnmarshalAny[tlsv3.DownstreamTlsContext](socket.GetTypedConfig())
}
