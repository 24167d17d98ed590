package page

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/meshtls/meshtls/test/browser"
	"github.com/meshtls/meshtls/test/controlplane"
	"github.com/meshtls/meshtls/test/mesh/relay"
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard()) // errors tell what the libraries log
	os.Exit(m.Run())
}

// timeout is what the browser has for all states.
const timeout = 2 * time.Minute

// TestWhatIsWrong opens the page on a cluster without Istio, which then gets Istio's kinds, and ours, goes away and comes back; and for a
// user who may read all but one kind. In each state the page says what is wrong.
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
	road := openRoad(t, strings.TrimPrefix(plane.Config.Host, "https://"))
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
	step("away", func() error { return road.close() })
	step("back", func() error { return road.open() })
	control := httptest.NewServer(steps)
	t.Cleanup(control.Close)

	browser.Run(t, timeout, "cluster.js", "CONTROL="+control.URL, "ADDRESS="+servePage(t, program, road.kubeconfig(t, plane.Kubeconfig)),
		"HALF="+servePage(t, program, userWithoutRules(t, plane)))
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

// servePage runs the page until the test ends, and returns its address.
func servePage(t *testing.T, program, kubeconfig string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	page := exec.CommandContext(ctx, program, "ui", "--no-browser", "--kubeconfig", kubeconfig)
	out, err := page.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := page.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = page.Wait() // it was told to end
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("reading the page's address: %v", err)
	}
	return strings.TrimSpace(line)
}

// userWithoutRules returns the kubeconfig of a user who may read all kinds that matter but DestinationRules.
func userWithoutRules(t *testing.T, plane *controlplane.ControlPlane) string {
	t.Helper()
	admin, err := client.New(plane.Config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	read := []string{"get", "list", "watch"}
	for _, o := range []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}},
		&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "half"}, Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{""}, Resources: []string{"*"}, Verbs: read},
			{APIGroups: []string{"apps", "batch", "discovery.k8s.io", "networking.k8s.io", "admissionregistration.k8s.io"}, Resources: []string{"*"}, Verbs: read},
			{APIGroups: []string{"security.istio.io", "security.meshtls.dev", "extensions.istio.io", "telemetry.istio.io"}, Resources: []string{"*"}, Verbs: read},
			{
				APIGroups: []string{"networking.istio.io"}, Verbs: read,
				Resources: []string{"gateways", "virtualservices", "serviceentries", "sidecars", "workloadentries", "envoyfilters", "proxyconfigs"},
			},
		}},
		&rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "half"}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "half"},
			Subjects: []rbacv1.Subject{{Kind: rbacv1.GroupKind, Name: "half"}},
		},
	} {
		if err := admin.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	user, err := plane.AddUser("half", "half")
	if err != nil {
		t.Fatal(err)
	}
	return user.Kubeconfig
}

// road leads to the API server, and can be closed as if that were gone.
type road struct {
	address, server string

	mu       sync.Mutex
	listener net.Listener
	on       map[net.Conn]bool
}

// openRoad opens one that is closed when the test ends.
func openRoad(t *testing.T, server string) *road {
	t.Helper()
	r := &road{address: "127.0.0.1:0", server: server, on: map[net.Conn]bool{}}
	if err := r.open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.close() })
	return r
}

func (r *road) open() error {
	listener, err := net.Listen("tcp", r.address)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.listener, r.address = listener, listener.Addr().String()
	go relay.Serve(listener, r.dial)
	return nil
}

func (r *road) dial() (net.Conn, error) {
	connection, err := net.Dial("tcp", r.server)
	if err == nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.on[connection] = true
	}
	return connection, err
}

// close ends all connections, and takes no more.
func (r *road) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.listener.Close()
	for connection := range r.on {
		_ = connection.Close() // it may have ended
	}
	clear(r.on)
	return err
}

// kubeconfig returns a file that takes the road, and is else like another.
func (r *road) kubeconfig(t *testing.T, like string) string {
	t.Helper()
	content, err := os.ReadFile(like)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "kubeconfig.yaml")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(content), r.server, r.address)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
