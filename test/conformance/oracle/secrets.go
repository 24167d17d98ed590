package oracle

import (
	"time"

	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	istiomodel "istio.io/istio/pilot/pkg/model"
	v3 "istio.io/istio/pilot/pkg/xds/v3"
	"istio.io/istio/pilot/test/xds"
	"istio.io/istio/pilot/test/xdstest"
	"istio.io/istio/pkg/spiffe"
	istiosets "istio.io/istio/pkg/util/sets"
	istioxds "istio.io/istio/pkg/xds"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/fake"
)

// Secret is what a proxy is given for the name of a secret: a certificate with its key, or the certificates of authorities.
type Secret struct {
	Certificate, Key, Authorities []byte
}

// Given returns what Istio answers the proxy that asks for secrets by name, with a ServiceAccount that may read Secrets. What it does not
// answer is left out.
func (p *Proxy) Given(names ...string) map[string]Secret {
	p.mesh.t.Helper()
	clients, ok := p.mesh.server.KubeClient().Kube().(*fake.Clientset)
	if !ok {
		p.mesh.t.Fatalf("Istio's client is a %T", p.mesh.server.KubeClient().Kube())
	}
	clients.Lock()
	xds.DisableAuthorizationForSecret(clients)
	clients.Unlock()
	p.node.VerifiedIdentity = &spiffe.Identity{Namespace: p.pod.Namespace, ServiceAccount: "default"}
	answers, _, err := p.mesh.server.Discovery.Generators[v3.SecretType].Generate(p.node,
		&istiomodel.WatchedResource{ResourceNames: istiosets.New(names...)},
		&istiomodel.PushRequest{Push: p.mesh.server.PushContext(), Forced: true, Start: time.Now()})
	if err != nil {
		p.mesh.t.Fatal(err)
	}
	given := map[string]Secret{}
	for name, secret := range xdstest.ExtractTLSSecrets(p.mesh.t, istioxds.ResourcesToAny(answers)) {
		given[name] = secretOf(secret)
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
