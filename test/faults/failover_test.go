package faults

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/test/controlplane"
)

// TestFailover freezes the leader of two processes at one of its writes, lets the other take over, and wakes the first, which believes
// that it leads until it looks.
func TestFailover(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "manager")
	if text, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "github.com/meshtls/meshtls/cmd/manager").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	try(t, "the leader is frozen", changes[0], func(t *testing.T, namespace string) {
		first := launch(t, program, "first-"+namespace, namespace)
		leader := holder(t, namespace, "")
		second := launch(t, program, "second-"+namespace, namespace)
		eventually(t, "nothing is written", func(ctx context.Context) error {
			if found, err := now(ctx, namespace); err != nil || len(found) < 2 {
				return errors.Join(err, errors.New("there is one object"))
			}
			return nil
		})
		must(t, first.Signal(syscall.SIGSTOP))
		holder(t, namespace, leader)
		must(t, first.Signal(syscall.SIGCONT))
		eventually(t, "who lost the lease goes on", func(context.Context) error {
			if first.Err() == nil {
				return errors.New("it runs")
			}
			return nil
		})
		if err := second.Err(); err != nil {
			t.Error(err)
		}
	})
}

// launch starts the program for the namespace.
func launch(t *testing.T, program, name, namespace string) *controlplane.Process {
	t.Helper()
	process, err := plane.Run(name, program, "--kubeconfig="+plane.Kubeconfig, "--watch-namespaces="+namespace,
		"--leader-elect", "--leader-election-namespace="+istioNamespace, "--leader-election-id="+namespace,
		"--health-probe-bind-address=0")
	must(t, err)
	t.Cleanup(func() { _ = process.Stop() })
	return process
}

// holder waits until somebody else than before holds the lease, and returns who.
func holder(t *testing.T, lease, before string) string {
	t.Helper()
	var holds string
	eventually(t, "nobody takes the lease", func(ctx context.Context) error {
		found := &coordinationv1.Lease{}
		if err := admin.Get(ctx, client.ObjectKey{Namespace: istioNamespace, Name: lease}, found); err != nil {
			return err
		}
		if holds = ptr.Deref(found.Spec.HolderIdentity, ""); holds == "" || holds == before {
			return errors.New("it is held by " + strings.Trim(holds, " "))
		}
		return nil
	})
	return holds
}
