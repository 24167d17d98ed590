package mesh_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/test/mesh"
	"github.com/meshtls/meshtls/test/mesh/app"
)

const server = "server.shop.svc.cluster.local"

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard()) // errors tell what the libraries log
	os.Exit(m.Run())
}

// start starts a mesh whose logs are kept if the test fails.
func start(t *testing.T, options mesh.Options) *mesh.Mesh {
	t.Helper()
	mesh.Require(t)
	m, err := mesh.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Finish(t) })
	return m
}

func run(t *testing.T, m *mesh.Mesh, pods ...mesh.Pod) []*mesh.Running {
	t.Helper()
	running, err := m.Run(t.Context(), pods...)
	if err != nil {
		t.Fatal(err)
	}
	return running
}

func apply(t *testing.T, m *mesh.Mesh, objects string) {
	t.Helper()
	if err := m.ApplyYAML(t.Context(), objects); err != nil {
		t.Fatal(err)
	}
}

// eventually waits for a state that the mesh reaches by itself.
func eventually(t *testing.T, what string, reached func() error) {
	t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
		last = reached()
		return last == nil, nil
	})
	if err != nil {
		t.Fatalf("waiting until %s: %v", what, last)
	}
}

// becomes waits until calls end as they should.
func becomes(t *testing.T, m *mesh.Mesh, call mesh.Call, want string) mesh.Result {
	t.Helper()
	var got mesh.Result
	eventually(t, fmt.Sprintf("%s to %s:%d is %s", call.From, call.Host, call.Port, want), func() error {
		if got = m.Call(t.Context(), call); said(got) != want {
			return fmt.Errorf("it is %s", got)
		}
		return nil
	})
	return got
}

// said returns a result in a word or two.
func said(r mesh.Result) string {
	if how := r.How(); how != "" {
		return string(r.Outcome()) + ": " + how
	}
	return string(r.Outcome())
}

// world is a server with two clients and a gateway.
type world struct {
	*mesh.Mesh

	server, client, bare, gateway *mesh.Running
}

func newWorld(t *testing.T) world {
	m := start(t, mesh.Options{})
	pods := run(t, m,
		mesh.Pod{Namespace: "shop", Name: "server", ServiceAccount: "server", Ports: []mesh.Port{
			{Number: 8080}, {Number: 8090}, {Number: 8091, Kind: app.Greeting}, {Number: 8443}, {Number: 8444, Kind: app.Mutual},
		}},
		mesh.Pod{Namespace: "shop", Name: "client", ServiceAccount: "client"},
		mesh.Pod{Namespace: "shop", Name: "bare", Proxy: mesh.None},
		mesh.Pod{Namespace: "edge", Name: "gateway", ServiceAccount: "gateway", Proxy: mesh.Gateway},
	)
	apply(t, m, `
apiVersion: v1
kind: Service
metadata: {namespace: shop, name: server}
spec:
  selector: {app: server}
  ports:
  - {name: http, port: 80, targetPort: 8080}
  - {name: tcp, port: 90, targetPort: 8090}
  - {name: tcp-first, port: 91, targetPort: 8091}
  - {name: tls, port: 443, targetPort: 8443}
  - {name: tls-mutual, port: 444, targetPort: 8444}
`)
	return world{m, pods[0], pods[1], pods[2], pods[3]}
}

func TestMesh(t *testing.T) {
	w := newWorld(t)
	becomes(t, w.Mesh, mesh.Call{From: w.client, Host: server, Port: 80}, "MutualTLS")
	t.Run("says what was on the wire", w.saysWhatWasOnTheWire)
	t.Run("says who was there", w.saysWhoWasThere)
	t.Run("says how a client was refused", w.saysHow)
	t.Run("follows a call through a gateway", w.followsThroughGateway)
	t.Run("holds connections open", w.holdsConnections)
	t.Run("injects as Istio does", w.injects)
	t.Run("forwards ports", w.forwardsPorts)
	t.Run("runs commands", w.runsCommands)
	t.Run("lets istiod be away", w.letsIstiodBeAway)
	t.Run("deletes pods", w.deletesPods)
}

func (w world) saysWhatWasOnTheWire(t *testing.T) {
	trusting := &tls.Config{RootCAs: w.Authority.Pool(), ServerName: server}
	tests := map[string]struct {
		call mesh.Call
		want string
	}{
		"HTTP/1.1 of a sidecar":                   {mesh.Call{From: w.client, Port: 80, Protocol: app.HTTP1}, "MutualTLS"},
		"HTTP/2 of a sidecar":                     {mesh.Call{From: w.client, Port: 80, Protocol: app.HTTP2}, "MutualTLS"},
		"gRPC of a sidecar":                       {mesh.Call{From: w.client, Port: 80, Protocol: app.GRPC}, "MutualTLS"},
		"a WebSocket of a sidecar":                {mesh.Call{From: w.client, Port: 80, Protocol: app.WebSocket}, "MutualTLS"},
		"TCP of a sidecar":                        {mesh.Call{From: w.client, Port: 90, Protocol: app.TCP}, "MutualTLS"},
		"a server that speaks first to a sidecar": {mesh.Call{From: w.client, Port: 91, Protocol: app.ServerFirst}, "MutualTLS"},
		"HTTP/1.1 without a proxy":                {mesh.Call{From: w.bare, Port: 80, Protocol: app.HTTP1}, "Plaintext"},
		"HTTP/2 without a proxy":                  {mesh.Call{From: w.bare, Port: 80, Protocol: app.HTTP2}, "Plaintext"},
		"gRPC without a proxy":                    {mesh.Call{From: w.bare, Port: 80, Protocol: app.GRPC}, "Plaintext"},
		"a WebSocket without a proxy":             {mesh.Call{From: w.bare, Port: 80, Protocol: app.WebSocket}, "Plaintext"},
		"TCP without a proxy":                     {mesh.Call{From: w.bare, Port: 90, Protocol: app.TCP}, "Plaintext"},
		"TLS of its own, without a proxy":         {mesh.Call{From: w.bare, Port: 443, TLS: trusting}, "TLS"},
		"TLS of its own in HTTP/2":                {mesh.Call{From: w.bare, Port: 443, TLS: trusting, Protocol: app.HTTP2}, "TLS"},
		"mutual TLS of its own":                   {mesh.Call{From: w.bare, Port: 444, TLS: w.withCertificate(t, trusting)}, "MutualTLS"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			tc.call.Host = server
			got := w.Call(t.Context(), tc.call)
			if said(got) != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

// withCertificate returns a client's TLS with a certificate of the authority.
func (w world) withCertificate(t *testing.T, config *tls.Config) *tls.Config {
	t.Helper()
	pair, err := w.Authority.Issue("somebody")
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := pair.Load()
	if err != nil {
		t.Fatal(err)
	}
	config = config.Clone()
	config.Certificates = []tls.Certificate{certificate}
	return config
}

func (w world) saysWhoWasThere(t *testing.T) {
	for port, protocol := range map[uint16]app.Protocol{80: app.HTTP1, 90: app.TCP} {
		got := w.Call(t.Context(), mesh.Call{From: w.client, Host: server, Port: port, Protocol: protocol})
		if len(got.Hops) != 1 {
			t.Fatalf("%s: got %d connections, want one: %s", protocol, len(got.Hops), got)
		}
		type ends struct{ To, Client, Server, Version, ServerName string }
		hop := got.Hops[0]
		want := ends{
			To: "shop/server", Client: "spiffe://cluster.local/ns/shop/sa/client", Server: "spiffe://cluster.local/ns/shop/sa/server",
			Version: "TLSv1.3", ServerName: fmt.Sprintf("outbound_.%d_._.%s", port, server),
		}
		if diff := cmp.Diff(want, ends{hop.To, hop.Client, hop.Server, hop.Version, hop.Hello.ServerName}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", protocol, diff)
		}
	}
	got := w.Call(t.Context(), mesh.Call{From: w.client, Host: server, Port: 80}).Answer.Report.ClientCertificate
	if want := "URI=spiffe://cluster.local/ns/shop/sa/client"; !strings.Contains(got, want) {
		t.Errorf("the server was told of the client: got %q, want %q in it", got, want)
	}
}

func (w world) saysHow(t *testing.T) {
	other, err := app.NewAuthority("another authority")
	if err != nil {
		t.Fatal(err)
	}
	apply(t, w.Mesh, `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {namespace: shop, name: server}
spec:
  selector: {matchLabels: {app: server}}
  mtls: {mode: STRICT}
  portLevelMtls: {8443: {mode: PERMISSIVE}, 8444: {mode: DISABLE}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {namespace: shop, name: server}
spec:
  host: server.shop.svc.cluster.local
  trafficPolicy:
    portLevelSettings:
    - {port: {number: 80}, tls: {mode: DISABLE}}
    - {port: {number: 444}, tls: {mode: DISABLE}}
`)
	trusting := func(authority *app.Authority) *tls.Config {
		return &tls.Config{RootCAs: authority.Pool(), ServerName: server}
	}
	becomes(t, w.Mesh, mesh.Call{From: w.bare, Host: server, Port: 90, Protocol: app.TCP}, "Refused: reset")
	tests := map[string]struct {
		call mesh.Call
		want string
	}{
		"plaintext where mutual TLS is demanded":         {mesh.Call{From: w.bare, Host: server, Port: 80}, "Refused: reset"},
		"plaintext of a sidecar where it is demanded":    {mesh.Call{From: w.client, Host: server, Port: 80}, "Refused: 503 Service Unavailable UC"},
		"a certificate of an authority it does not know": {mesh.Call{From: w.bare, Host: server, Port: 443, TLS: trusting(other)}, "Refused: certificate: unknown authority"},
		"no certificate where one is demanded":           {mesh.Call{From: w.bare, Host: server, Port: 444, TLS: trusting(w.Authority)}, "Refused: alert: certificate required"},
		"a port that nobody serves":                      {mesh.Call{From: w.bare, Host: w.bare.IP.String(), Port: 8443}, "Refused: nobody listens"},
		"an address where nobody is":                     {mesh.Call{From: w.bare, Host: "10.244.9.9", Port: 80, Timeout: time.Second}, "Refused: no answer"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			becomes(t, w.Mesh, tc.call, tc.want)
		})
	}
}

func (w world) followsThroughGateway(t *testing.T) {
	pair, err := w.Authority.Issue("shop.example.com")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Client.Create(t.Context(), pair.Secret("edge", "shop-cert")); err != nil {
		t.Fatal(err)
	}
	apply(t, w.Mesh, `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {namespace: edge, name: edge}
spec:
  selector: {app: gateway}
  servers:
  - port: {number: 443, name: https, protocol: HTTPS}
    hosts: [shop.example.com]
    tls: {mode: SIMPLE, credentialName: shop-cert}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {namespace: edge, name: shop}
spec:
  hosts: [shop.example.com]
  gateways: [edge]
  http: [{route: [{destination: {host: server.shop.svc.cluster.local, port: {number: 80}}}]}]
`)
	apply(t, w.Mesh, `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {namespace: shop, name: server}
spec:
  host: server.shop.svc.cluster.local
`)
	got := becomes(t, w.Mesh, mesh.Call{
		From: w.bare, Host: "shop.example.com", Port: 443, Address: w.gateway.IP.String(),
		TLS: &tls.Config{RootCAs: w.Authority.Pool(), ServerName: "shop.example.com"},
	}, "MutualTLS")
	if len(got.Hops) != 2 {
		t.Fatalf("got %d connections, want two: %s", len(got.Hops), got)
	}
	type hop struct {
		To, ServerName, Client string
		Outcome                mesh.Outcome
	}
	want := []hop{
		{To: "edge/gateway", ServerName: "shop.example.com", Outcome: mesh.TLS},
		{To: "shop/server", ServerName: "outbound_.80_._." + server, Client: "spiffe://cluster.local/ns/edge/sa/gateway", Outcome: mesh.MutualTLS},
	}
	var seen []hop
	for _, h := range got.Hops {
		seen = append(seen, hop{h.To, h.Hello.ServerName, h.Client, h.Outcome()})
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("connections (-want +got):\n%s", diff)
	}
	if got.TLS == nil || got.TLS.Version != "TLS 1.3" || got.TLS.Peer.Issuer != "public authority" {
		t.Errorf("the client's TLS: got %+v", got.TLS)
	}
}

func (w world) holdsConnections(t *testing.T) {
	session, err := w.Open(t.Context(), mesh.Call{From: w.client, Host: server, Port: 90, Protocol: app.TCP})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = session.Close() }()
	for range 3 {
		answer, err := session.Exchange(t.Context())
		if err != nil || answer.Report.Server != "server" {
			t.Errorf("an exchange on an open connection: got %+v, %v", answer, err)
		}
	}
}

func (w world) injects(t *testing.T) {
	var pod corev1.Pod
	if err := w.Client.Get(t.Context(), client.ObjectKey{Namespace: "shop", Name: "client"}, &pod); err != nil {
		t.Fatal(err)
	}
	if got := pod.Labels["security.istio.io/tlsMode"]; got != "istio" {
		t.Errorf("label security.istio.io/tlsMode: got %q, want istio", got)
	}
	for _, annotation := range []string{"sidecar.istio.io/status", "istio.io/rev"} {
		if pod.Annotations[annotation] == "" {
			t.Errorf("annotation %s is missing", annotation)
		}
	}
	if err := w.Client.Get(t.Context(), client.ObjectKey{Namespace: "shop", Name: "bare"}, &pod); err != nil {
		t.Fatal(err)
	}
	if got := len(pod.Spec.Containers) + len(pod.Spec.InitContainers); got != 1 {
		t.Errorf("a pod without a proxy has %d containers, want its own", got)
	}
}

func (w world) forwardsPorts(t *testing.T) {
	clientset, err := kubernetes.NewForConfig(w.Plane.Config)
	if err != nil {
		t.Fatal(err)
	}
	transport, upgrader, err := spdy.RoundTripperFor(w.Plane.Config)
	if err != nil {
		t.Fatal(err)
	}
	url := clientset.CoreV1().RESTClient().Post().Resource("pods").Namespace("shop").Name("client").SubResource("portforward").URL()
	stop, ready := make(chan struct{}), make(chan struct{})
	defer close(stop)
	forwarder, err := portforward.New(
		spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, url), []string{"0:15000"}, stop, ready, io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- forwarder.ForwardPorts() }()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatalf("forwarding a port: %v", err)
	}
	ports, err := forwarder.GetPorts()
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/server_info", ports[0].Local))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if body, err := io.ReadAll(response.Body); err != nil || !strings.Contains(string(body), `"node"`) {
		t.Errorf("the proxy's admin page: got %.200s, %v", body, err)
	}
}

func (w world) runsCommands(t *testing.T) {
	clientset, err := kubernetes.NewForConfig(w.Plane.Config)
	if err != nil {
		t.Fatal(err)
	}
	request := clientset.CoreV1().RESTClient().Post().Resource("pods").Namespace("shop").Name("client").SubResource("exec").VersionedParams(
		&corev1.PodExecOptions{Container: "app", Command: []string{"sh", "-c", "cat /etc/istio/pod/labels; exit 3"}, Stdout: true, Stderr: true}, scheme.ParameterCodec)
	executor, err := remotecommand.NewSPDYExecutor(w.Plane.Config, http.MethodPost, request.URL())
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err = executor.StreamWithContext(t.Context(), remotecommand.StreamOptions{Stdout: &out, Stderr: io.Discard})
	if err == nil || !strings.Contains(err.Error(), "exit code 3") {
		t.Errorf("error: got %v, want exit code 3", err)
	}
	if !strings.Contains(out.String(), `app="client"`) {
		t.Errorf("output: got %q, want the pod's labels", out.String())
	}
}

func (w world) letsIstiodBeAway(t *testing.T) {
	istiod, err := w.Istiod(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := istiod.Sandbox.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	apply(t, w.Mesh, strictOff)
	call := mesh.Call{From: w.bare, Host: w.server.IP.String(), Port: 8090, Protocol: app.TCP}
	for range 20 {
		if got := w.Call(t.Context(), call); said(got) != "Refused: reset" {
			t.Fatalf("a change took effect without istiod: got %s", got)
		}
	}
	if err := istiod.Sandbox.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	becomes(t, w.Mesh, call, "Plaintext")
}

const strictOff = `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {namespace: shop, name: server}
spec:
  selector: {matchLabels: {app: server}}
  mtls: {mode: PERMISSIVE}
`

func (w world) deletesPods(t *testing.T) {
	if err := w.Delete(t.Context(), w.server); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Dir(w.server.Inside.Path("/"))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the files of a deleted pod: got %v, want that they do not exist", err)
	}
	eventually(t, "nobody is at its address", func() error {
		got := w.Call(t.Context(), mesh.Call{From: w.bare, Host: w.server.IP.String(), Port: 8090, Timeout: time.Second})
		if said(got) != "Refused: no answer" {
			return fmt.Errorf("the call: %s", got)
		}
		return nil
	})
}
