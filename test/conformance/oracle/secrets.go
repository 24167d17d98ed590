package oracle

import (
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	corev1 "k8s.io/api/core/v1"

	"github.com/meshtls/meshtls/test/conformance/istiod/wire"
)

// Secret is what a proxy is given for the name of a secret: a certificate with its key, or the certificates of authorities.
type Secret struct {
	Certificate, Key, Authorities []byte
}

// Given returns what Istio answers the proxy that asks for secrets by name, with a ServiceAccount that may read Secrets. What it does not
// answer is left out.
func (p *Proxy) Given(names ...string) map[string]Secret {
	p.mesh.t.Helper()
	var answers [][]byte
	if err := ask("Secrets", wire.Secrets{Proxy: p.wire(), Names: names}, &answers); err != nil {
		p.mesh.t.Fatal(err)
	}
	given := map[string]Secret{}
	for _, secret := range decoded[tlsv3.Secret](p.mesh.t, answers) {
		given[secret.GetName()] = secretOf(secret)
	}
	return given
}

func secretOf(secret *tlsv3.Secret) Secret {
	return Secret{
		Certificate: secret.GetTlsCertificate().GetCertificateChain().GetInlineBytes(),
		Key:         secret.GetTlsCertificate().GetPrivateKey().GetInlineBytes(),
		Authorities: secret.GetValidationContext().GetTrustedCa().GetInlineBytes(),
	}
}

// stored gives the Secret what the API server makes of what is written as text.
func stored(secret *corev1.Secret) {
	for key, text := range secret.StringData {
		if secret.Data == nil {
			secret.Data = map[string][]byte{}
		}
		secret.Data[key] = []byte(text)
	}
	secret.StringData = nil
}
