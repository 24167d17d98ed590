package page

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/meshtls/meshtls/test/browser"
	"github.com/meshtls/meshtls/test/controlplane"
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard()) // errors tell what the libraries log
	os.Exit(m.Run())
}

// timeout is what the browser has for all states.
const timeout = 2 * time.Minute

// TestWhatIsWrong opens the page on a cluster without Istio, which then gets Istio's kinds, and ours. In each state the page says what is
// wrong.
func TestWhatIsWrong(t *testing.T) {
	browser.Require(t)
	plane, err := controlplane.Start(t.Context(), controlplane.Options{WithoutIstio: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plane.Stop(); err != nil {
			t.Error(err)
		}
	})
	root, err := controlplane.Root()
	if err != nil {
		t.Fatal(err)
	}
	istio, err := controlplane.IstioCRDs(root)
	if err != nil {
		t.Fatal(err)
	}
	program := build(t, root)
	steps := http.NewServeMux()
	step := func(name string, do func() error) {
		steps.HandleFunc("POST /"+name, func(w http.ResponseWriter, _ *http.Request) {
			if err := do(); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
			}
		})
	}
	step("istio", func() error { return install(plane, istio) })
	step("policies", func() error { return install(plane, filepath.Join(root, "config", "crd", "bases")) })
	control := httptest.NewServer(steps)
	t.Cleanup(control.Close)

	browser.Run(t, timeout, "cluster.js", "CONTROL="+control.URL, "ADDRESS="+browser.ServePage(t, program, "--kubeconfig", plane.Kubeconfig))
}

func install(plane *controlplane.ControlPlane, path string) error {
	_, err := envtest.InstallCRDs(plane.Config, envtest.CRDInstallOptions{Paths: []string{path}, ErrorIfPathMissing: true})
	return err
}

// build builds the plugin as it is in this tree.
func build(t *testing.T, root string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "kubectl-meshtls")
	builder := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./cmd/kubectl-meshtls")
	builder.Dir = root
	if output, err := builder.CombinedOutput(); err != nil {
		t.Fatalf("building the plugin: %v\n%s", err, output)
	}
	return program
}
