package mesh_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/meshtls/meshtls/test/mesh"
)

// launcherVariable makes the test binary a launcher that waits to be killed: see TestKilledLauncher.
const launcherVariable = "MESHTLS_TEST_MESH_LAUNCHER"

// TestBesideEachOther runs two meshes at once, with the same names and the same addresses in them.
func TestBesideEachOther(t *testing.T) {
	mesh.Require(t)
	var both errgroup.Group
	for _, mode := range []string{"STRICT", "DISABLE"} {
		both.Go(func() error {
			m, err := mesh.Start(t.Context(), mesh.Options{})
			if err != nil {
				return err
			}
			defer m.Finish(t)
			return calls(t, m, mode)
		})
	}
	if err := both.Wait(); err != nil {
		t.Fatal(err)
	}
}

// calls gives a mesh its mode, and looks whether a call within it is as the mode says.
func calls(t *testing.T, m *mesh.Mesh, mode string) error {
	pods, err := m.Run(t.Context(),
		mesh.Pod{Namespace: "shop", Name: "server", Ports: []mesh.Port{{Number: 8080}}}, mesh.Pod{Namespace: "shop", Name: "client"})
	if err != nil {
		return err
	}
	err = m.ApplyYAML(t.Context(), fmt.Sprintf(`
apiVersion: v1
kind: Service
metadata: {namespace: shop, name: server}
spec: {selector: {app: server}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {namespace: istio-system, name: default}
spec: {mtls: {mode: %s}}
`, mode))
	if err != nil {
		return err
	}
	want := map[string]mesh.Outcome{"STRICT": mesh.MutualTLS, "DISABLE": mesh.Plaintext}[mode]
	eventually(t, "the mesh is "+mode, func() error {
		if got := m.Call(t.Context(), mesh.Call{From: pods[1], Host: server, Port: 80}); got.Outcome() != want {
			return fmt.Errorf("the call: %s", got)
		}
		return nil
	})
	return nil
}

// TestKilledLauncher kills who has started a mesh with a pod, and looks for what is left.
func TestKilledLauncher(t *testing.T) {
	mesh.Require(t)
	if temp := os.Getenv(launcherVariable); temp != "" {
		launch(t)
	}
	temp := t.TempDir()
	launcher := exec.Command(os.Args[0], "-test.run=^TestKilledLauncher$")
	launcher.Env = append(os.Environ(), launcherVariable+"="+temp, "TMPDIR="+temp)
	ready, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ready.Close() }()
	launcher.ExtraFiles = []*os.File{write}
	if err := launcher.Start(); err != nil {
		t.Fatal(err)
	}
	_ = write.Close()
	if _, err := ready.Read(make([]byte, 1)); err != nil {
		_ = errors.Join(launcher.Process.Kill(), launcher.Wait())
		t.Fatalf("waiting for the launcher: %v", err)
	}
	if got := len(inside(t, temp)); got < 8 {
		t.Errorf("got %d processes of the mesh, want those of the control plane, of istiod and of the pod", got)
	}
	_ = errors.Join(launcher.Process.Kill(), launcher.Wait())
	eventually(t, "nothing is left of a killed launcher", func() error {
		files, err := filepath.Glob(filepath.Join(temp, "*"))
		if left := inside(t, temp); len(left) > 0 || len(files) > 0 {
			return fmt.Errorf("processes %v, files %v", left, files)
		}
		return err
	})
}

// launch starts a mesh with a pod, says so on the pipe that it was given, and waits to be killed.
func launch(t *testing.T) {
	m, err := mesh.Start(t.Context(), mesh.Options{})
	if err != nil {
		t.Fatal(err)
	}
	run(t, m, mesh.Pod{Namespace: "shop", Name: "server", Ports: []mesh.Port{{Number: 8080}}})
	if _, err := os.NewFile(3, "ready").WriteString("!"); err != nil {
		t.Fatal(err)
	}
	select {}
}

// inside returns the processes whose root, output or command line is in a folder.
func inside(t *testing.T, folder string) []int {
	t.Helper()
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	var found []int
	for _, process := range processes {
		var pid int
		if _, err := fmt.Sscanf(process, "/proc/%d", &pid); err != nil || pid == os.Getpid() {
			continue
		}
		root, _ := os.Readlink(filepath.Join(process, "root"))
		output, _ := os.Readlink(filepath.Join(process, "fd", "1"))
		command, _ := os.ReadFile(filepath.Join(process, "cmdline"))
		if strings.Contains(root+output+string(command), folder) && syscall.Kill(pid, 0) == nil {
			found = append(found, pid)
		}
	}
	return found
}
