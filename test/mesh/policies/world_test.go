package policies

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/test/controlplane"
	"github.com/meshtls/meshtls/test/mesh"
	"github.com/meshtls/meshtls/test/mesh/app"
	"github.com/meshtls/meshtls/test/mesh/operator"
)

const shop, other, edge, outside = "shop", "other", "edge", "outside"

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard()) // errors tell what the libraries log
	os.Exit(m.Run())
}

// world is a mesh with the operator, and the pods that all rows have.
type world struct {
	*mesh.Mesh

	policies client.Client
	programs string // the folder with the operator and the plugin
	rights   controlplane.User
	operator *controlplane.Process
	pods     map[string]*mesh.Running
	// certificates are those that clients show, and pairs the same as PEM.
	certificates map[clientTLS]tls.Certificate
	pairs        map[clientTLS]app.Pair
	// pins puts those of the certificate that clients show into a text.
	pins *strings.Replacer
	// stranger is an authority that nobody in the mesh knows.
	stranger *app.Authority
}

// drain is how long the server's proxy lets connections go on that its new configuration does not have; Istio's default is 45 s.
const drain = 4 * time.Second

// shopServer is the server that most rows are about. Its port 9000 no Service has.
var shopServer = mesh.Pod{
	Namespace: shop, Name: "server", ServiceAccount: "server",
	Ports: []mesh.Port{
		{Number: 8080}, {Number: 8081, Name: "admin"}, {Number: 8090}, {Number: 8091, Kind: app.Greeting}, {Number: 8443}, {Number: 9000},
	},
	Annotations: map[string]string{"proxy.istio.io/config": fmt.Sprintf(`{"drainDuration": "%ds"}`, drain/time.Second)},
}

// allPods are the pods of the world.
var allPods = []mesh.Pod{
	shopServer,
	{Namespace: shop, Name: "client", ServiceAccount: "client"},
	{Namespace: shop, Name: "sibling", ServiceAccount: "sibling"},
	{Namespace: shop, Name: "bare", Proxy: mesh.None},
	{Namespace: other, Name: "neighbour", ServiceAccount: "neighbour"},
	{Namespace: edge, Name: "gateway", ServiceAccount: "gateway", Proxy: mesh.Gateway},
	{Namespace: outside, Name: "partner", Proxy: mesh.None, Ports: []mesh.Port{{Number: 8080}, {Number: 8443}, {Number: 8444, Kind: app.Mutual}}},
}

// start starts the world.
func start(t *testing.T) *world {
	t.Helper()
	w := startEmpty(t)
	if err := w.populate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

// startEmpty starts a mesh with the operator, and without pods.
func startEmpty(t *testing.T) *world {
	t.Helper()
	m, programs := operator.RequireBuilt(t)
	w := &world{Mesh: m, programs: programs, pods: map[string]*mesh.Running{}}
	if err := w.prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

// prepare starts the operator.
func (w *world) prepare(ctx context.Context) error {
	scheme := runtime.NewScheme()
	if err := meshtlsv1alpha1.AddToScheme(scheme); err != nil {
		return err
	}
	var err error
	if w.policies, err = client.New(w.Plane.Config, client.Options{Scheme: scheme}); err != nil {
		return err
	}
	if w.stranger, err = app.NewAuthority("stranger"); err != nil {
		return err
	}
	if err := w.issue(); err != nil {
		return err
	}
	if w.rights, err = operator.Install(ctx, w.Mesh); err != nil {
		return err
	}
	return w.startOperator(operator.BriefSettle)
}

// populate runs the pods with what is around them.
func (w *world) populate(ctx context.Context) error {
	running, err := w.Run(ctx, allPods...)
	if err != nil {
		return err
	}
	for _, pod := range running {
		w.pods[pod.Name] = pod
	}
	return errors.Join(w.ApplyYAML(ctx, fmt.Sprintf(surroundings, w.pods["partner"].IP)), w.giveCertificates(ctx))
}

// startOperator runs the operator.
func (w *world) startOperator(settle string) (err error) {
	w.operator, err = operator.Run(w.Mesh, w.programs, w.rights, settle)
	return err
}

// surroundings are the Services of the pods, and what leads out of the mesh.
const surroundings = `
apiVersion: v1
kind: Service
metadata: {namespace: shop, name: server}
spec:
  selector: {app: server}
  ports:
  - {name: http, port: 80, targetPort: 8080}
  - {name: http-admin, port: 81, targetPort: admin}
  - {name: tcp, port: 90, targetPort: 8090}
  - {name: tcp-first, port: 91, targetPort: 8091}
  - {name: tls, port: 443, targetPort: 8443}
---
apiVersion: v1
kind: Service
metadata: {namespace: edge, name: gateway}
spec:
  selector: {app: gateway}
  ports:
  - {name: http, port: 80, targetPort: 8080}
  - {name: https, port: 443, targetPort: 8443}
  - {name: tls, port: 444, targetPort: 8444}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {namespace: outside, name: partner}
spec:
  hosts: [partner.example.com]
  addresses: [240.0.0.10]
  location: MESH_EXTERNAL
  resolution: STATIC
  ports:
  - {number: 80, name: http, protocol: HTTP, targetPort: 8080}
  - {number: 81, name: http-secured, protocol: HTTP, targetPort: 8443}
  - {number: 82, name: http-mutual, protocol: HTTP, targetPort: 8444}
  - {number: 443, name: tls, protocol: TLS, targetPort: 8443}
  endpoints: [{address: %s}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {namespace: shop, name: secrets}
rules: [{apiGroups: [""], resources: [secrets], verbs: [get, list, watch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {namespace: shop, name: secrets}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: secrets}
subjects: [{kind: ServiceAccount, namespace: shop, name: client}]
`

// giveCertificates puts certificates where policies name them: files in pods, and Secrets.
func (w *world) giveCertificates(ctx context.Context) error {
	own, err := w.Authority.Issue("client.shop")
	if err != nil {
		return err
	}
	served, err := w.Authority.Issue(shopHost, "mutual.example.com", "pass.example.com")
	if err != nil {
		return err
	}
	for _, pod := range []string{"client", "gateway"} {
		for path, content := range map[string][]byte{
			"/etc/certs/ca.pem": w.Authority.PEM(), "/etc/certs/stranger.pem": w.stranger.PEM(),
			"/etc/certs/client.pem": own.Certificate, "/etc/certs/client-key.pem": own.Key,
			"/etc/certs/served.pem": served.Certificate, "/etc/certs/served-key.pem": served.Key,
		} {
			err = errors.Join(err, w.pods[pod].Inside.Write(path, content))
		}
	}
	return errors.Join(err, w.createSecrets(ctx, own, served))
}

// createSecrets creates the Secrets that policies name.
func (w *world) createSecrets(ctx context.Context, own, served app.Pair) error {
	revoked, err := w.Authority.Revoke(w.pairs[withRevoked])
	if err != nil {
		return err
	}
	with := func(secret *corev1.Secret, more map[string][]byte) *corev1.Secret {
		secret.Type = corev1.SecretTypeOpaque
		maps.Copy(secret.Data, more)
		return secret
	}
	ca := map[string][]byte{"ca.crt": w.Authority.PEM()}
	for _, secret := range []*corev1.Secret{
		with(own.Secret(shop, "client-cert"), ca),
		with(own.Secret(edge, "client-cert"), ca),
		served.Secret(edge, "shop-cert"),
		with(served.Secret(edge, "mutual-cert"), ca),
		with(served.Secret(edge, "revoking-cert"), map[string][]byte{"ca.crt": w.Authority.PEM(), "ca.crl": revoked}),
		with(app.Pair{}.Secret(edge, "clients-cacert"), ca),
		with(app.Pair{Certificate: []byte("no certificate"), Key: []byte("no key")}.Secret(edge, "broken-cert"), nil),
	} {
		if err := w.Client.Create(ctx, secret); err != nil {
			return err
		}
	}
	return nil
}

const (
	// settleTimeout is what a row has until all is as it says.
	settleTimeout = 15 * time.Second
	// holdTime is what proxies have, once Ready says what it should, to take up all that was written. What is so then stays so: a
	// call that is to be refused may have been refused before.
	holdTime = time.Second
	poll     = 20 * time.Millisecond
)

// eventually waits for a state until settleTimeout, and returns what was wrong then.
func eventually(ctx context.Context, reached func(context.Context) error) error {
	var last error
	err := wait.PollUntilContextTimeout(ctx, poll, settleTimeout, true, func(ctx context.Context) (bool, error) {
		err := reached(ctx)
		if ctx.Err() == nil { // else it says no more than that the time is up
			last = err
		}
		return err == nil, nil
	})
	if err != nil {
		return fmt.Errorf("%w: %w", err, last)
	}
	return nil
}
