package mesh_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
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

// TestKilledLauncher kills who starts a mesh, at moments from its first process to its stop, and looks for what is left. Each launcher
// starts where the one before was killed; the one that gets a pod shows that a kill stands in nobody's way.
func TestKilledLauncher(t *testing.T) {
	mesh.Require(t)
	if os.Getenv(launcherVariable) != "" {
		launch(t)
	}
	temp := t.TempDir()
	before := traces(t, temp)
	for _, moment := range []struct {
		name  string
		short bool
		come  func(t *testing.T, l *launcher)
	}{
		{"with its first process", true, func(t *testing.T, l *launcher) { l.awaitProcesses(t, atLeast(1)) }},
		{"between control plane and istiod", false, func(t *testing.T, l *launcher) { l.awaitProcesses(t, atLeast(5)) }},
		{"with a pod", true, func(t *testing.T, l *launcher) { l.awaitWord(t) }},
		{"while it stops", false, func(t *testing.T, l *launcher) {
			all := l.awaitWord(t)
			if err := l.stop.Close(); err != nil {
				t.Fatal(err)
			}
			l.awaitProcesses(t, func(got int) bool { return got < all })
		}},
	} {
		if testing.Short() && !moment.short {
			continue
		}
		t.Run(moment.name, func(t *testing.T) {
			l := startLauncher(t, temp)
			moment.come(t, l)
			_ = errors.Join(l.Process.Kill(), l.Wait())
			eventually(t, "nothing is left of a killed launcher", func() error {
				files, err := filepath.Glob(filepath.Join(temp, "*"))
				if left := inside(t, temp); len(left) > 0 || len(files) > 0 {
					return fmt.Errorf("processes %v, files %v", left, files)
				}
				return err
			})
			if diff := cmp.Diff(before, traces(t, temp)); diff != "" {
				t.Errorf("the host is not as it was before (-before +after):\n%s", diff)
			}
		})
	}
}

// launcher is a process that starts a mesh in a folder of its own.
type launcher struct {
	*exec.Cmd

	temp string
	// words are the launcher's; to close stop has it stop its mesh.
	words *os.File
	stop  io.Closer
}

func startLauncher(t *testing.T, temp string) *launcher {
	t.Helper()
	words, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = words.Close() })
	l := &launcher{Cmd: exec.Command(os.Args[0], "-test.run=^TestKilledLauncher$"), temp: temp, words: words}
	l.Env = append(os.Environ(), launcherVariable+"=1", "TMPDIR="+temp)
	l.ExtraFiles = []*os.File{write}
	if l.stop, err = l.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := l.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(l.Process.Kill(), l.Wait()) }) // where the test ends before its moment
	_ = write.Close()
	return l
}

// awaitWord waits until the launcher says that its pod runs, and returns the number of the mesh's processes.
func (l *launcher) awaitWord(t *testing.T) int {
	t.Helper()
	if _, err := l.words.Read(make([]byte, 1)); err != nil {
		_ = errors.Join(l.Process.Kill(), l.Wait())
		t.Fatalf("waiting for the launcher: %v", err)
	}
	got := len(inside(t, l.temp))
	if got < 8 {
		t.Errorf("got %d processes of the mesh, want those of the control plane, of istiod and of the pod", got)
	}
	return got
}

// awaitProcesses waits until as many processes of the mesh run as is enough.
func (l *launcher) awaitProcesses(t *testing.T, enough func(int) bool) {
	t.Helper()
	eventually(t, "enough processes of the mesh run", func() error {
		if got := len(inside(t, l.temp)); !enough(got) {
			return fmt.Errorf("%d run", got)
		}
		return nil
	})
}

func atLeast(n int) func(int) bool { return func(got int) bool { return got >= n } }

// launch starts a mesh with a pod, says so on the pipe that it was given, and stops the mesh when its input ends. It waits to be killed.
func launch(t *testing.T) {
	m, err := mesh.Start(t.Context(), mesh.Options{})
	if err != nil {
		t.Fatal(err)
	}
	run(t, m, mesh.Pod{Namespace: "shop", Name: "server", Ports: []mesh.Port{{Number: 8080}}})
	if _, err := os.NewFile(3, "words").WriteString("!"); err != nil {
		t.Fatal(err)
	}
	_, _ = io.ReadAll(os.Stdin)
	_ = m.Stop()
	select {}
}

// traces are what a mesh in a folder could leave in the host: links, named namespaces, rules and mounts.
func traces(t *testing.T, folder string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, command := range []string{"ip -brief link", "ip netns list", "iptables -S", "iptables -t nat -S"} {
		words := strings.Fields(command)
		output, err := exec.Command(words[0], words[1:]...).CombinedOutput() // #nosec G204 -- our own words
		if err != nil {
			t.Fatalf("%s: %v\n%s", command, err, output)
		}
		found[command] = string(output)
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for mount := range strings.Lines(string(mounts)) {
		if strings.Contains(mount, folder) {
			found["mounts"] += mount
		}
	}
	return found
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
