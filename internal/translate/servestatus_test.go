package translate

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// TestServeWords wants the servers by port, whatever the verb, and long lists of hosts to end with a count.
func TestServeWords(t *testing.T) {
	t.Parallel()
	at := func(port int32, hosts ...string) meshtlsv1alpha1.GatewayServer {
		return meshtlsv1alpha1.GatewayServer{Port: port, Hosts: hosts}
	}
	policy := &meshtlsv1alpha1.MeshTLSPolicy{Spec: meshtlsv1alpha1.MeshTLSPolicySpec{
		Terminate: []meshtlsv1alpha1.Terminate{
			{GatewayServer: at(8443, "a.example", "b.example", "c.example", "d.example"), Mode: meshtlsv1alpha1.TerminateMutual, Protocol: "TLS"},
			{GatewayServer: at(443, "shop.example")},
		},
		Passthrough: []meshtlsv1alpha1.Passthrough{{GatewayServer: at(443, "db.example", "mq.example")}},
		Plaintext: []meshtlsv1alpha1.Plaintext{
			{GatewayServer: at(80, "shop.example"), RedirectToHTTPS: true},
			{GatewayServer: at(8080, "*")},
		},
	}}
	want := []string{
		"80 redirect",
		"443 HTTPS Simple shop.example",
		"443 TLS passthrough db.example, mq.example",
		"8080 HTTP plaintext *",
		"8443 TLS Mutual a.example, b.example and 2 more",
	}
	if diff := cmp.Diff(want, serveWords(serversOf(&policyTarget{MeshTLSPolicy: policy}))); diff != "" {
		t.Errorf("words (-want +got):\n%s", diff)
	}
}
