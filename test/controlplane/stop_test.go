package controlplane_test

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshtls/meshtls/test/controlplane"
)

// launcherVariable makes the test binary a launcher that waits to be killed: see TestKilledLauncher.
const launcherVariable = "MESHTLS_TEST_LAUNCHER"

// wantEmpty fails the test if the folder for temporary files holds any.
func wantEmpty(t *testing.T, temp string) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(temp, "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// running returns the process numbers that a control plane lists in the folder.
func running(t *testing.T, temp string) []int {
	t.Helper()
	entries, err := filepath.Glob(filepath.Join(temp, "meshtls-controlplane-*", "running", "*"))
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(filepath.Base(entry))
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
}

func wantEnded(t *testing.T, pids []int) {
	t.Helper()
	for _, pid := range pids {
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("process %d: got %v, want that it does not exist", pid, err)
		}
	}
}

func TestStop(t *testing.T) {
	plane, temp := start(t, controlplane.Options{Controllers: []string{"namespace-controller"}})
	sleeper, err := plane.Run("sleeper", "/bin/sleep", "1000")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "all four processes are listed", func(context.Context) (bool, error) {
		return len(running(t, temp)) == 4, sleeper.Err()
	})
	pids := running(t, temp)
	if err := errors.Join(plane.Stop(), plane.Stop()); err != nil {
		t.Fatal(err)
	}
	wantEnded(t, pids)
	wantEmpty(t, temp)
	<-sleeper.Done()
	if sleeper.Err() == nil {
		t.Error("the sleeper ended, and says nothing of it")
	}
	if _, err := plane.Run("late", "/bin/sleep", "1000"); err == nil {
		t.Error("a program started after Stop")
	}
}

func TestStopsWithItsContext(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	plane, err := controlplane.Start(ctx, controlplane.Options{WithoutIstio: true})
	if err != nil {
		t.Fatal(err)
	}
	pids := running(t, temp)
	cancel()
	if err := plane.Stop(); err != nil { // waits for the stop that is under way
		t.Fatal(err)
	}
	wantEnded(t, pids)
	wantEmpty(t, temp)
}

func TestInterruptedStart(t *testing.T) {
	// The first process is etcd, the second kube-apiserver, the third kube-controller-manager.
	for processes := 1; processes <= 3; processes++ {
		t.Run(strconv.Itoa(processes), func(t *testing.T) {
			temp := t.TempDir()
			t.Setenv("TMPDIR", temp)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() {
				_, err := controlplane.Start(ctx, controlplane.Options{Controllers: []string{"namespace-controller"}})
				ended <- err
			}()
			var pids []int
			eventually(t, "the process is listed", func(context.Context) (bool, error) {
				pids = running(t, temp)
				return len(pids) >= processes, nil
			})
			cancel()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("error: got %v, want context.Canceled", err)
			}
			wantEnded(t, pids)
			wantEmpty(t, temp)
		})
	}
}

func TestKilledLauncher(t *testing.T) {
	if temp := os.Getenv(launcherVariable); temp != "" {
		launch(t, temp)
		return
	}
	temp := t.TempDir()
	alive, lead, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	launcher := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledLauncher$")
	launcher.Env = append(os.Environ(), launcherVariable+"="+temp, "TMPDIR="+temp)
	launcher.ExtraFiles = []*os.File{lead}
	if err := errors.Join(launcher.Start(), lead.Close()); err != nil {
		t.Fatal(err)
	}
	ready := make([]byte, 1)
	if _, err := io.ReadFull(alive, ready); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(2, len(running(t, temp))); diff != "" {
		t.Errorf("processes (-want +got):\n%s", diff)
	}
	_ = errors.Join(launcher.Process.Kill(), launcher.Wait())
	eventually(t, "nothing is left of a killed launcher", func(context.Context) (bool, error) {
		left, err := os.ReadDir(temp)
		return len(left) == 0, err
	})
}

// launch starts a control plane, says so on the pipe that it was given, and waits to be killed.
func launch(t *testing.T, temp string) {
	if _, err := controlplane.Start(t.Context(), controlplane.Options{WithoutIstio: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.NewFile(3, temp).WriteString("!"); err != nil {
		t.Fatal(err)
	}
	select {}
}
