package live_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/test/conformance/oracle"
	"github.com/meshtls/meshtls/test/controlplane"
)

const (
	// patience is how long anything may take to come about, on a busy machine.
	patience = 2 * time.Minute
	// pollEvery is how often it is looked at.
	pollEvery = 100 * time.Millisecond
)

// mesh is a cluster with istiod and the operator.
type mesh struct {
	*controlplane.ControlPlane
	client client.Client
	// debug and discovery are istiod's addresses.
	debug, discovery string
}

// start starts the API server, fills it with the world, and starts istiod and the operator. All ends with the test.
func start(t *testing.T) *mesh {
	t.Helper()
	plane, err := controlplane.Start(t.Context(), controlplane.Options{CRDs: []string{filepath.Join("config", "crd", "bases")}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plane.Stop(); err != nil {
			t.Error(err)
		}
	})
	direct, err := client.New(plane.Config, client.Options{Scheme: runtime.NewScheme()})
	if err != nil {
		t.Fatal(err)
	}
	m := &mesh{ControlPlane: plane, client: direct, debug: loopback(t), discovery: loopback(t)}
	m.create(t, "world.yaml")
	m.startIstiod(t)
	m.run(t, "manager", build(t, root(t), "manager", "./cmd/manager"),
		"--kubeconfig", plane.Kubeconfig, "--leader-elect=false", "--health-probe-bind-address", "0")
	return m
}

func (m *mesh) startIstiod(t *testing.T) {
	t.Helper()
	for variable, value := range map[string]string{
		"POD_NAMESPACE": "istio-system", "PILOT_CERT_PROVIDER": "istiod", "INJECT_ENABLED": "false", "VALIDATION_ENABLED": "false",
	} {
		t.Setenv(variable, value)
	}
	config := filepath.Join(t.TempDir(), "mesh.yaml")
	if err := os.WriteFile(config, []byte("trustDomain: cluster.local\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	m.run(t, "istiod", build(t, ".", "pilot-discovery", "istio.io/istio/pilot/cmd/pilot-discovery"), "discovery",
		"--kubeconfig", m.Kubeconfig, "--httpAddr", m.debug, "--httpsAddr", "", "--grpcAddr", m.discovery, "--secureGRPCAddr", "",
		"--monitoringAddr", loopback(t), "--meshConfig", config, "--networksConfig", os.DevNull)
	m.eventually(t, "istiod is ready", func(ctx context.Context) error {
		_, err := m.ask(ctx, "/ready")
		return err
	})
}

// run starts a program beside the control plane, and shows its last words if the test fails.
func (m *mesh) run(t *testing.T, name, program string, args ...string) {
	t.Helper()
	process, err := m.Run(name, program, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := process.Err(); err != nil {
			t.Error(err)
		}
		if log, err := os.ReadFile(process.Log); t.Failed() && err == nil {
			t.Logf("%s:\n%s", name, log[max(0, len(log)-4000):])
		}
	})
}

// build puts a program into the repository's bin; Go's cache makes it quick the second time.
func build(t *testing.T, directory, name, path string) string {
	t.Helper()
	program := filepath.Join(root(t), "bin", name)
	command := exec.CommandContext(t.Context(), "go", "build", "-o", program, path)
	command.Dir = directory
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", name, err, output)
	}
	return program
}

func root(t *testing.T) string {
	t.Helper()
	root, err := controlplane.Root()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// loopback returns an address that nobody listens at now.
func loopback(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// create creates the objects of a file of testdata, with their status.
func (m *mesh) create(t *testing.T, file string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	objects, err := oracle.Parse(content)
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range objects {
		status, found := object.Object["status"]
		if err := m.client.Create(t.Context(), object); err != nil {
			t.Fatalf("creating %s %s: %v", object.GetKind(), object.GetName(), err)
		}
		if !found {
			continue
		}
		object.Object["status"] = status
		if err := m.client.Status().Update(t.Context(), object); err != nil {
			t.Fatalf("updating the status of %s %s: %v", object.GetKind(), object.GetName(), err)
		}
	}
}

// ask asks one of istiod's HTTP endpoints.
func (m *mesh) ask(ctx context.Context, path string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+m.debug+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", path, response.Status, body)
	}
	return body, err
}

// eventually waits until something holds, and says what was last in the way.
func (m *mesh) eventually(t *testing.T, what string, holds func(context.Context) error) {
	t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(t.Context(), pollEvery, patience, true, func(ctx context.Context) (bool, error) {
		last = holds(ctx)
		return last == nil, nil
	})
	if err != nil {
		t.Fatalf("%s: %v", what, errors.Join(err, last))
	}
}

// policy reads a policy.
func (m *mesh) policy(ctx context.Context, name string) (*unstructured.Unstructured, error) {
	policy := &unstructured.Unstructured{}
	policy.SetAPIVersion("security.meshtls.dev/v1alpha1")
	policy.SetKind("MeshTLSPolicy")
	return policy, m.client.Get(ctx, client.ObjectKey{Namespace: "shop", Name: name}, policy)
}
