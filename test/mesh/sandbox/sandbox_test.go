package sandbox_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/meshtls/meshtls/test/controlplane"
	"github.com/meshtls/meshtls/test/mesh"
	"github.com/meshtls/meshtls/test/mesh/sandbox"
)

// plane returns a control plane as a runner of programs: nothing else of it is used here.
func plane(t *testing.T) *controlplane.ControlPlane {
	t.Helper()
	mesh.Require(t)
	plane, err := controlplane.Start(t.Context(), controlplane.Options{WithoutIstio: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = plane.Stop() })
	return plane
}

func start(t *testing.T, runner sandbox.Runner, name string) *sandbox.Sandbox {
	t.Helper()
	programs := t.TempDir()
	if err := os.WriteFile(filepath.Join(programs, "greet"), []byte("#!/bin/sh\necho hello from $(ls / | wc -w) folders\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	s, err := sandbox.Start(t.Context(), runner, sandbox.Options{Name: name, Folder: filepath.Join(t.TempDir(), name), Programs: programs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() })
	return s
}

func TestSandbox(t *testing.T) {
	runner := plane(t)
	one, other := start(t, runner, "one"), start(t, runner, "other")
	t.Run("runs programs with a root folder of their own", func(t *testing.T) {
		if got, err := one.Run(t.Context(), "greet"); err != nil || !strings.HasPrefix(got, "hello from ") {
			t.Errorf("a program of the folder: got %q, %v", got, err)
		}
		if _, err := one.Run(t.Context(), "ls", "/usr/bin/env", "/proc/1/root"); err != nil {
			t.Errorf("the host's programs: %v", err)
		}
		if _, err := one.Run(t.Context(), "touch", "/usr/bin/touched"); err == nil {
			t.Error("a program inside can change the host's programs")
		}
		if _, err := one.Run(t.Context(), "ls", runner.Folder()); err == nil {
			t.Error("a program inside sees the host's files")
		}
	})
	t.Run("keeps connections apart", func(t *testing.T) { keepsApart(t, one, other) })
	t.Run("is joined by a cable", func(t *testing.T) { isJoined(t, one, other) })
	t.Run("signals", func(t *testing.T) { signals(t, one) })
	t.Run("ends all that is inside", func(t *testing.T) { endsAll(t, one) })
}

func keepsApart(t *testing.T, one, other *sandbox.Sandbox) {
	listener, err := one.Listen(t.Context(), "tcp4", "127.0.0.1:8080")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	if connection, err := one.Dial(t.Context(), "tcp", "127.0.0.1:8080"); err != nil {
		t.Errorf("from inside: %v", err)
	} else {
		_ = connection.Close()
	}
	for where, dial := range map[string]func(context.Context, string, string) (net.Conn, error){
		"another sandbox": other.Dial, "the host": new(net.Dialer).DialContext,
	} {
		if connection, err := dial(t.Context(), "tcp", "127.0.0.1:8080"); err == nil {
			_ = connection.Close()
			t.Errorf("%s reaches what listens in a sandbox", where)
		}
	}
}

func isJoined(t *testing.T, one, other *sandbox.Sandbox) {
	packets, err := one.Sniff()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = packets.Close() }()
	err = one.Configure(t.Context(),
		"link add left type veth peer name right netns "+strconv.Itoa(other.PID()),
		"address add 192.0.2.1/24 dev left", "link set left up")
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Configure(t.Context(), "address add 192.0.2.2/24 dev right", "link set right up"); err != nil {
		t.Fatal(err)
	}
	listener, err := one.Listen(t.Context(), "tcp4", "192.0.2.1:80")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	connection, err := other.Dial(ctx, "tcp", "192.0.2.1:80")
	if err != nil {
		t.Fatal(err)
	}
	_ = connection.Close()
	if n, err := packets.Read(make([]byte, 1500)); err != nil || n == 0 {
		t.Errorf("sniffing: got %d bytes, %v", n, err)
	}
}

func signals(t *testing.T, one *sandbox.Sandbox) {
	sleeper, err := one.Background("sleeper", "sleep", "1000")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool {
		state, err := one.Run(t.Context(), "sh", "-c", "cat /proc/[0-9]*/comm")
		return err == nil && strings.Count(state, "sleep\n") == 2
	})
	if err := one.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := one.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if err := one.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-sleeper.Done()
}

func endsAll(t *testing.T, one *sandbox.Sandbox) {
	inside, err := one.Background("survivor", "sh", "-c", "trap '' TERM HUP INT; sleep 1000 & sleep 1000")
	if err != nil {
		t.Fatal(err)
	}
	if err := one.Stop(); err != nil {
		t.Fatal(err)
	}
	<-inside.Done()
	eventually(t, func() bool {
		_, err := os.Stat(procfs(one.PID()))
		return os.IsNotExist(err)
	})
	mounts, err := os.ReadFile("/proc/mounts")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mounts), one.Root) {
		t.Error("a mount of a sandbox is in the host's mount namespace")
	}
}

// procfs is where the kernel tells of a process that has namespaces.
func procfs(pid int) string {
	return fmt.Sprintf("/proc/%d/ns/net", pid)
}

// eventually waits for what the kernel does in its own time.
func eventually(t *testing.T, reached func() bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 10*time.Millisecond, 10*time.Second, true, func(context.Context) (bool, error) {
		return reached(), nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
