package operator

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshtls/meshtls/test/controlplane"
	"github.com/meshtls/meshtls/test/mesh"
)

const (
	namespace      = "meshtls-system"
	serviceAccount = "manager"
)

// Options are those of a mesh that knows MeshTLSPolicy.
func Options() mesh.Options { return mesh.Options{CRDs: []string{"config/crd/bases"}} }

// startBuilt starts a mesh, and builds the programs into the folder at the same time. A mesh that is returned is to be stopped, also
// beside an error.
func startBuilt(ctx context.Context, folder string) (m *mesh.Mesh, err error) {
	var both errgroup.Group
	both.Go(func() error { return build(ctx, folder) })
	both.Go(func() (err error) {
		m, err = mesh.Start(ctx, Options())
		return err
	})
	return m, both.Wait()
}

// RequireBuilt starts a mesh for a test, and builds the programs into a folder that it returns. The mesh ends with the test.
func RequireBuilt(t *testing.T) (m *mesh.Mesh, folder string) {
	t.Helper()
	mesh.Require(t)
	folder = t.TempDir()
	m, err := startBuilt(t.Context(), folder)
	if m != nil {
		t.Cleanup(func() { m.Finish(t) })
	}
	if err != nil {
		t.Fatal(err)
	}
	return m, folder
}

// build builds the operator and the plugin as they are in this tree.
func build(ctx context.Context, folder string) error {
	root, err := controlplane.Root()
	if err != nil {
		return err
	}
	builder := exec.CommandContext(ctx, "go", "build", "-ldflags=-s -w", "-o", folder+"/", "./cmd/manager", "./cmd/kubectl-meshtls")
	builder.Dir = root
	if output, err := builder.CombinedOutput(); err != nil {
		return fmt.Errorf("building the operator and the plugin: %w\n%s", err, output)
	}
	return nil
}

// Install gives the operator the rights that its manifests give it, and returns it as a user of the API server.
func Install(ctx context.Context, m *mesh.Mesh) (controlplane.User, error) {
	root, err := controlplane.Root()
	if err != nil {
		return controlplane.User{}, err
	}
	if err := m.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
		return controlplane.User{}, fmt.Errorf("creating namespace %s: %w", namespace, err)
	}
	files, err := filepath.Glob(filepath.Join(root, "config", "rbac", "*role*.yaml"))
	for _, file := range files {
		content, readErr := os.ReadFile(file)
		err = errors.Join(err, readErr, m.ApplyYAML(ctx, string(content)))
	}
	if err != nil {
		return controlplane.User{}, fmt.Errorf("applying config/rbac: %w", err)
	}
	return m.Plane.AddServiceAccount(namespace, serviceAccount)
}

// Run runs the operator that was built into the folder, as the user. Its writes are as far apart as settle says, a flag of its own.
func Run(m *mesh.Mesh, folder string, user controlplane.User, settle string) (*controlplane.Process, error) {
	return m.Plane.Run("manager", filepath.Join(folder, "manager"), "--kubeconfig="+user.Kubeconfig,
		"--health-probe-bind-address=0", "--metrics-bind-address=0", "--leader-elect=false", settle)
}

// Settle times of the operator. The brief one is for tests that wait until all is in force: it only keeps writes apart.
const (
	DefaultSettle = "--settle=1s"
	BriefSettle   = "--settle=300ms"
)
