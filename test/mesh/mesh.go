package mesh

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/test/controlplane"
	"github.com/meshtls/meshtls/test/mesh/app"
	"github.com/meshtls/meshtls/test/mesh/kubelet"
	"github.com/meshtls/meshtls/test/mesh/sandbox"
	"github.com/meshtls/meshtls/test/mesh/wire"
)

const (
	nodeName    = "node"
	kubeletPort = 10250
)

// controllers are the controllers of kube-controller-manager that a mesh needs.
var controllers = []string{
	"deployment-controller", "endpointslice-controller", "garbage-collector-controller", "namespace-controller",
	"replicaset-controller", "serviceaccount-controller", "statefulset-controller",
}

// Options say what is special about a mesh.
type Options struct {
	// CRDs are more CustomResourceDefinitions, as in controlplane.Options.
	CRDs []string
	// MeshConfig is added to Istio's mesh config.
	MeshConfig map[string]any
	// Audit writes every request that reaches the API server into a log.
	Audit bool
}

// Mesh is a running mesh.
type Mesh struct {
	// Plane is the control plane below it. Programs that it runs end with it.
	Plane *controlplane.ControlPlane
	// Client connects to the API server as an administrator.
	Client client.Client
	// Authority issues certificates that every pod trusts as it trusts public authorities.
	Authority *app.Authority

	node    *sandbox.Sandbox
	kubelet *kubelet.Kubelet
	tap     *wire.Tap
	cancel  context.CancelFunc
	running sync.WaitGroup
	stop    func() error
}

// Start starts a mesh without pods, and returns when istiod injects. The mesh stops when the context ends. After an error nothing is
// left running.
func Start(ctx context.Context, options Options) (*Mesh, error) {
	if missing := Missing(); missing != "" {
		return nil, errors.New(missing)
	}
	authority, err := app.NewAuthority("public authority")
	if err != nil {
		return nil, err
	}
	plane, err := controlplane.Start(ctx, controlplane.Options{
		CRDs: options.CRDs, Controllers: controllers, Audit: options.Audit, Prepare: egress,
	})
	if err != nil {
		return nil, err
	}
	m := &Mesh{Plane: plane, Authority: authority, tap: wire.NewTap()}
	m.stop = sync.OnceValue(m.shutdown)
	ctx, m.cancel = context.WithCancel(ctx)
	if err := m.start(ctx, options); err != nil {
		return nil, errors.Join(err, m.Stop())
	}
	return m, nil
}

// Stop ends everything. It may be called again.
func (m *Mesh) Stop() error { return m.stop() }

// shutdown ends the pods with their namespaces, then the control plane.
func (m *Mesh) shutdown() error {
	m.cancel()
	err := m.Plane.Stop()
	m.running.Wait()
	if m.kubelet != nil {
		m.kubelet.Wait()
	}
	return err
}

// start brings up the parts in their order.
func (m *Mesh) start(ctx context.Context, options Options) error {
	var err error
	if m.Client, err = newClient(m.Plane); err != nil {
		return err
	}
	programs, err := Programs()
	if err != nil {
		return err
	}
	folder := filepath.Join(m.Plane.Folder(), "pods")
	m.node, err = sandbox.Start(ctx, m.Plane, sandbox.Options{Name: nodeName, Folder: filepath.Join(folder, nodeName), Programs: programs})
	if err != nil {
		return err
	}
	net, err := newNetwork(ctx, m.node)
	if err != nil {
		return err
	}
	if err := errors.Join(m.listen(ctx), m.serveEgress(ctx)); err != nil {
		return err
	}
	if m.kubelet, err = m.newKubelet(folder, net); err != nil {
		return err
	}
	if err := m.serveKubelet(ctx); err != nil {
		return err
	}
	objects, err := render(ctx, m.Plane.Folder(), options.MeshConfig)
	if err != nil {
		return err
	}
	return m.installIstio(ctx, objects)
}

func newClient(plane *controlplane.ControlPlane) (client.Client, error) {
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return nil, err
	}
	c, err := client.New(plane.Config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("connecting to the API server: %w", err)
	}
	return c, nil
}

// listen listens to what is on the wire.
func (m *Mesh) listen(ctx context.Context) error {
	packets, err := m.node.Sniff()
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = packets.Close() })
	m.running.Go(func() { m.tap.Watch(packets) })
	return nil
}

// newKubelet makes the kubelet of the one node.
func (m *Mesh) newKubelet(folder string, net *network) (*kubelet.Kubelet, error) {
	programs, err := Programs()
	if err != nil {
		return nil, err
	}
	bootstrap, err := os.ReadFile(filepath.Join(programs, "envoy_bootstrap_tmpl.json"))
	if err != nil {
		return nil, fmt.Errorf("reading Envoy's bootstrap template: %w", err)
	}
	server, err := url.Parse(m.Plane.Config.Host)
	if err != nil {
		return nil, fmt.Errorf("reading the API server's address: %w", err)
	}
	clientset, err := kubernetes.NewForConfig(m.Plane.Config)
	if err != nil {
		return nil, err
	}
	return &kubelet.Kubelet{
		Client: clientset, Node: nodeName, Address: nodeIP, Network: net, Runner: m.Plane, Folder: folder, Programs: programs,
		APIServer: server.Host, Authority: m.Authority,
		Files: map[string][]byte{
			"/etc/hosts":                         hosts(),
			"/etc/resolv.conf":                   fmt.Appendf(nil, "nameserver %s\n", nodeIP), // where nobody answers
			"/etc/passwd":                        []byte("root:x:0:0::/:/bin/sh\nistio-proxy:x:1337:1337::/:/bin/sh\n"),
			"/etc/group":                         []byte("root:x:0:\nistio-proxy:x:1337:\n"),
			"/etc/ssl/certs/ca-certificates.crt": m.Authority.PEM(),
			"/var/lib/istio/envoy/envoy_bootstrap_tmpl.json": bootstrap,
		},
	}, nil
}

// hosts is /etc/hosts in every pod: there is no DNS server, and only istiod is found by name.
func hosts() []byte {
	name := istiodName + "." + IstioNamespace + ".svc"
	return fmt.Appendf(nil, "127.0.0.1 localhost\n%s %s %s.cluster.local\n", istiodIP, name, name)
}

// serveKubelet starts the kubelet, and its API at the node's address.
func (m *Mesh) serveKubelet(ctx context.Context) error {
	listener, err := m.node.Listen(ctx, "tcp4", fmt.Sprintf("%s:%d", nodeIP, kubeletPort))
	if err != nil {
		return fmt.Errorf("listening for the API server: %w", err)
	}
	pair, err := m.Authority.Issue(nodeName, nodeIP.String())
	if err != nil {
		return err
	}
	certificate, err := pair.Load()
	if err != nil {
		return err
	}
	api := &http.Server{Handler: m.kubelet.Handler(), ReadHeaderTimeout: callTimeout}
	context.AfterFunc(ctx, func() { _ = api.Close() })
	secured := tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{certificate}})
	m.running.Go(func() { _ = api.Serve(secured) }) // it ends when it is closed
	return m.kubelet.Start(ctx, kubeletPort)
}
