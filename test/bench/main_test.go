package bench

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	corev1 "k8s.io/api/core/v1"

	"github.com/meshtls/meshtls/test/controlplane"
	"github.com/meshtls/meshtls/test/worlds"
)

const (
	istioNamespace    = "istio-system"
	operatorNamespace = "meshtls-system"
	// few is how many policies there are unless MESHTLS_BENCH says more.
	few = 40
	// perNamespace is how many policies a namespace has.
	perNamespace = 20
	// inFlight is how many requests are sent at a time by who does not think.
	inFlight = 16
)

// The shared control plane, an administrator's client for it, and the operator's account.
var (
	plane   *controlplane.ControlPlane
	admin   client.WithWatch
	account controlplane.User
)

func TestMain(m *testing.M) {
	os.Exit(runAll(m))
}

func runAll(m *testing.M) int {
	ctrl.SetLogger(logr.Discard())
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var err error
	plane, err = controlplane.Start(ctx, controlplane.Options{
		CRDs: []string{cmp.Or(os.Getenv("MESHTLS_BENCH_CRD"), "config/crd/bases"), "test/bench/testdata/trivial.yaml"},
		Prepare: func(_ string, server *envtest.APIServer) error {
			server.Configure().Set("service-cluster-ip-range", "10.0.0.0/16") // each policy has a Service
			return nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer func() { _ = plane.Stop() }()
	if admin, err = client.NewWithWatch(limitless(plane.Config), client.Options{Scheme: worlds.Scheme()}); err != nil {
		fmt.Println(err)
		return 1
	}
	if account, err = install(ctx); err != nil {
		fmt.Println(err)
		return 1
	}
	return m.Run()
}

// policiesWanted returns how many policies are measured.
func policiesWanted(t *testing.T) int {
	t.Helper()
	text := os.Getenv("MESHTLS_BENCH")
	if text == "" {
		return few
	}
	number, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("MESHTLS_BENCH: %v", err)
	}
	return number
}

func limitless(config *rest.Config) *rest.Config {
	config = rest.CopyConfig(config)
	config.QPS = -1
	return config
}

// install makes the namespaces of Istio and the operator, and an account that has the operator's rights, and that of writing what it is
// compared with.
func install(ctx context.Context) (controlplane.User, error) {
	for _, name := range []string{istioNamespace, operatorNamespace} {
		if err := admin.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
			return controlplane.User{}, err
		}
	}
	root, err := controlplane.Root()
	if err != nil {
		return controlplane.User{}, err
	}
	files, err := filepath.Glob(filepath.Join(root, "config", "rbac", "*role*.yaml"))
	if err != nil {
		return controlplane.User{}, err
	}
	for _, file := range append(files, filepath.Join("testdata", "rights.yaml")) {
		if err := applyFile(ctx, file); err != nil {
			return controlplane.User{}, fmt.Errorf("%s: %w", file, err)
		}
	}
	return plane.AddServiceAccount(operatorNamespace, "manager")
}

func applyFile(ctx context.Context, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096); ; {
		object := &unstructured.Unstructured{}
		switch err := decoder.Decode(&object.Object); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := admin.Create(ctx, object); err != nil {
			return err
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
