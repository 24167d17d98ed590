package mesh

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/meshtls/meshtls/test/controlplane"
)

// binaries are what `make mesh` puts into bin/mesh.
var binaries = []string{"pilot-discovery", "pilot-agent", "manifests", "envoy", "envoy_bootstrap_tmpl.json"}

// systemPrograms are the programs of the system that are needed, with Debian's packages.
var systemPrograms = map[string]string{
	"ip": "iproute2", "iptables": "iptables", "nsenter": "util-linux", "unshare": "util-linux", "setpriv": "util-linux",
}

// Programs returns the folder with the binaries of a mesh.
func Programs() (string, error) {
	root, err := controlplane.Root()
	return filepath.Join(root, "bin", "mesh"), err
}

// Missing says in one sentence why no mesh can be started here, and how that is mended; empty if one can.
func Missing() string {
	if runtime.GOOS != "linux" {
		return "A mesh needs Linux: its pods are network namespaces."
	}
	if os.Getuid() != 0 {
		return "A mesh needs root, for its network namespaces: run this as root."
	}
	packages := map[string]bool{}
	for program, debian := range systemPrograms {
		if _, err := exec.LookPath(program); err != nil {
			packages[debian] = true
		}
	}
	for _, debian := range []string{"iproute2", "iptables", "util-linux"} {
		if packages[debian] {
			return fmt.Sprintf("A mesh needs %s: on Debian, apt-get install iptables iproute2.", debian)
		}
	}
	folder, err := Programs()
	if err != nil {
		return err.Error()
	}
	for _, binary := range binaries {
		if _, err := os.Stat(filepath.Join(folder, binary)); err != nil {
			return fmt.Sprintf("A mesh needs %s in bin/mesh: run make mesh.", binary)
		}
	}
	return ""
}

// Require ends a test that needs a mesh where none can be started: it is skipped, and fails where MESH=required says that nothing may be
// left out.
func Require(t testing.TB) {
	t.Helper()
	missing := Missing()
	switch {
	case missing == "":
	case os.Getenv("MESH") == "required":
		t.Fatalf("MESH=required, and none can be started. %s", missing)
	default:
		// A mesh needs root, iptables and Envoy; without them the model's own tests still run, and make test says what is left out.
		t.Skipf("not judged by packets. %s", missing)
	}
}
