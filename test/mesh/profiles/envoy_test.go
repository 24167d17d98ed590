package profiles

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	networkingapi "istio.io/api/networking/v1alpha3"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/render"
	"github.com/meshtls/meshtls/test/mesh"
)

// object is a part of Envoy's configuration.
type object = map[string]any

// startTimeout is how long Envoy may take to listen.
const startTimeout = 30 * time.Second

// rendered returns the TLS settings of the server that is rendered for the profile, on a mesh whose Gateways have curves.
func rendered(profile meshtlsv1alpha1.TLSProfile) *networkingapi.ServerTLSSettings {
	server := model.Server{PortName: "https-443", ProfileCurves: true, Terminate: &meshtlsv1alpha1.Terminate{
		GatewayServer: meshtlsv1alpha1.GatewayServer{Port: 443, Hosts: []string{"*"}}, CredentialName: "c", Profile: profile,
	}}
	plan := model.Plan{Namespace: "edge", Gateways: []model.GatewayRule{{Policy: "a", Servers: []model.Server{server}}}}
	return render.Objects(plan).Gateways[0].Spec.Servers[0].Tls
}

// parameters returns the settings as Envoy writes them.
func parameters(tls *networkingapi.ServerTLSSettings) object {
	version := strings.NewReplacer("TLSV1", "TLSv1")
	return object{
		"tls_minimum_protocol_version": version.Replace(tls.MinProtocolVersion.String()),
		"tls_maximum_protocol_version": version.Replace(tls.MaxProtocolVersion.String()),
		"cipher_suites":                tls.CipherSuites,
		"ecdh_curves":                  tls.EcdhCurves,
	}
}

// serve runs an Envoy that ends TLS with the parameters and answers each request, and returns its address.
func serve(t *testing.T, tls object) string {
	t.Helper()
	programs, err := mesh.Programs()
	if err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	folder := t.TempDir()
	certificate, key := newCertificate(t)
	config, err := json.Marshal(bootstrap(address, object{
		"tls_params": tls,
		"tls_certificates": []object{{
			"certificate_chain": object{"inline_string": certificate}, "private_key": object{"inline_string": key},
		}},
	}))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "envoy.json")
	if err := os.WriteFile(path, config, 0o600); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	envoy := exec.CommandContext(t.Context(), filepath.Join(programs, "envoy"), // #nosec G204 -- the program is make mesh's
		"-c", path, "--use-dynamic-base-id", "--concurrency", "1", "--log-level", "warning")
	envoy.Stderr = &said
	if err := envoy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = envoy.Process.Kill(); _ = envoy.Wait() })
	awaitListener(t, address, &said)
	return address
}

// bootstrap is an Envoy with one listener for HTTP within TLS.
func bootstrap(address string, common object) object {
	const types = "type.googleapis.com/envoy.extensions."
	host, port, _ := net.SplitHostPort(address)
	number := json.Number(port)
	answer := object{"name": "all", "domains": []string{"*"}, "routes": []object{{
		"match": object{"prefix": "/"}, "direct_response": object{"status": http.StatusOK},
	}}}
	manager := object{
		"@type": types + "filters.network.http_connection_manager.v3.HttpConnectionManager", "stat_prefix": "edge",
		"route_config": object{"virtual_hosts": []object{answer}},
		"http_filters": []object{{"name": "router", "typed_config": object{"@type": types + "filters.http.router.v3.Router"}}},
	}
	return object{"static_resources": object{"listeners": []object{{
		"address": object{"socket_address": object{"address": host, "port_value": number}},
		"filter_chains": []object{{
			"filters": []object{{"name": "http", "typed_config": manager}},
			"transport_socket": object{"name": "tls", "typed_config": object{
				"@type": types + "transport_sockets.tls.v3.DownstreamTlsContext", "common_tls_context": common,
			}},
		}},
	}}}}
}

// freeAddress returns an address of this machine that nobody listens at.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// awaitListener waits until somebody listens at the address.
func awaitListener(t *testing.T, address string, said fmt.Stringer) {
	t.Helper()
	listens := func(context.Context) (bool, error) {
		connection, err := net.Dial("tcp", address)
		if err != nil {
			return false, nil
		}
		return true, connection.Close()
	}
	if err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, startTimeout, true, listens); err != nil {
		t.Fatalf("Envoy does not listen at %s: %v\n%s", address, err, said)
	}
}

// newCertificate returns a certificate that signs itself, and its key, as PEM.
func newCertificate(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"edge.example.com"}, NotAfter: time.Now().Add(time.Hour)}
	encoded, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	privateBytes, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, content []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}))
	}
	return block("CERTIFICATE", encoded), block("PRIVATE KEY", privateBytes)
}
