package mesh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"

	apiserverv1beta1 "k8s.io/apiserver/pkg/apis/apiserver/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshtls/meshtls/test/mesh/relay"
)

// egressSocket is the name of the socket on which the API server asks for connections into the mesh's network.
const egressSocket = "egress.sock"

// egress makes the API server reach nodes and Services through the egress proxy, and lets it admit pods as a cluster's does.
func egress(folder string, server *envtest.APIServer) error {
	config := apiserverv1beta1.EgressSelectorConfiguration{
		TypeMeta: metav1.TypeMeta{APIVersion: apiserverv1beta1.SchemeGroupVersion.String(), Kind: "EgressSelectorConfiguration"},
		EgressSelections: []apiserverv1beta1.EgressSelection{{
			Name: "cluster",
			Connection: apiserverv1beta1.Connection{
				ProxyProtocol: apiserverv1beta1.ProtocolHTTPConnect,
				Transport: &apiserverv1beta1.Transport{
					UDS: &apiserverv1beta1.UDSTransport{UDSName: filepath.Join(folder, egressSocket)},
				},
			},
		}},
	}
	content, err := yaml.Marshal(config)
	if err != nil {
		return err
	}
	file := filepath.Join(folder, "egress.yaml")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		return fmt.Errorf("writing the egress configuration: %w", err)
	}
	server.Configure().Set("egress-selector-config-file", file).Disable("disable-admission-plugins")
	return nil
}

// serveEgress connects the API server with addresses of the mesh.
func (m *Mesh) serveEgress(ctx context.Context) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "unix", filepath.Join(m.Plane.Folder(), egressSocket))
	if err != nil {
		return fmt.Errorf("listening for the API server: %w", err)
	}
	proxy := &http.Server{Handler: http.HandlerFunc(m.connect), ReadHeaderTimeout: callTimeout}
	context.AfterFunc(ctx, func() { _ = proxy.Close() })
	m.running.Go(func() { _ = proxy.Serve(listener) }) // it ends when it is closed
	return nil
}

// connect answers CONNECT: it dials from the node, and hands the connection over.
func (m *Mesh) connect(w http.ResponseWriter, r *http.Request) {
	address, err := m.endpoint(r.Context(), r.Host)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	opened, err := m.node.Dial(r.Context(), "tcp", address)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	accepted, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = opened.Close()
		return
	}
	if _, err := fmt.Fprint(accepted, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
		_ = errors.Join(accepted.Close(), opened.Close())
		return
	}
	relay.Join(accepted, opened)
}

// Dial opens a connection from the node to an address of the mesh, as programs of the cluster do that have no proxy.
func (m *Mesh) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return m.node.Dial(ctx, network, address)
}
