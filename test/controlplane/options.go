package controlplane

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// assetsVariable names the folder with the binaries, in place of bin/controlplane. It is envtest's own variable.
const assetsVariable = "KUBEBUILDER_ASSETS"

// The programs of a control plane, by the names of their binaries.
const (
	etcdBinary              = "etcd"
	apiServerBinary         = "kube-apiserver"
	controllerManagerBinary = "kube-controller-manager"
)

// ErrNotBuilt: a binary of the control plane is not where it should be.
var ErrNotBuilt = errors.New("the control plane is not built")

// Options say what a control plane consists of beyond etcd and kube-apiserver.
type Options struct {
	// CRDs are files or folders with CustomResourceDefinitions to install. Relative paths start at the repository's root.
	CRDs []string
	// WithoutIstio leaves out Istio's CRDs, which are installed otherwise.
	WithoutIstio bool
	// Controllers are the controllers of kube-controller-manager to run, by the names that its --help prints.
	// Empty: kube-controller-manager is not started.
	Controllers []string
	// Audit writes every request that reaches the API server into a log: see ControlPlane.Requests.
	Audit bool
	// Prepare, if it is there, is called before the API server starts: it may write files into the folder, which goes when the
	// control plane stops, and change the server's flags.
	Prepare func(folder string, server *envtest.APIServer) error
}

// binaries returns the programs that the options need.
func (o Options) binaries() []string {
	needed := []string{etcdBinary, apiServerBinary}
	if len(o.Controllers) > 0 {
		needed = append(needed, controllerManagerBinary)
	}
	return needed
}

// Root returns the root folder of the repository that this package was compiled from.
func Root() (string, error) {
	_, file, _, _ := runtime.Caller(0)
	root := filepath.Join(filepath.Dir(file), "..", "..")
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		return "", fmt.Errorf("finding the repository from %s (was this built with -trimpath?): %w", file, err)
	}
	return root, nil
}

// findAssets returns the folder with the binaries, and an error that says what to do if one of them is missing.
func findAssets(root string, binaries []string) (string, error) {
	folder, remedy := os.Getenv(assetsVariable), "put it there, or unset "+assetsVariable+" and run `make controlplane` first"
	if folder == "" {
		folder, remedy = filepath.Join(root, "bin", "controlplane"), "run `make controlplane` first"
	}
	for _, binary := range binaries {
		if _, err := os.Stat(filepath.Join(folder, binary)); err != nil {
			return "", fmt.Errorf("%w: %s is not in %s; %s", ErrNotBuilt, binary, folder, remedy)
		}
	}
	return folder, nil
}
