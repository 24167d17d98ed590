package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	securityapi "istio.io/api/security/v1beta1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/test/controlplane"
)

// settle is the operator's own default.
const settle = time.Second

// changesWanted is how many changes are timed: each takes the settle time, so that the next one comes when all is idle.
func changesWanted() int {
	if os.Getenv("MESHTLS_BENCH") == "" {
		return 4
	}
	return 100
}

// TestRest measures an operator that has nothing to do: how long a change of one phase takes, what a restart writes, and the memory of the
// program.
func TestRest(t *testing.T) {
	w := newWorld(t, policiesWanted(t))
	recorded := newRecorder()
	stop := startOperator(t, settle, recorded.stand)
	ready := watchReadiness(t)
	must(t, createAll(t.Context(), w))
	ready.wait(w.policies)
	timeChanges(t, w)
	stop()
	restart(t, w)
	remember(t, w)
	w.clear(t)
}

// timeChanges changes what a workload accepts, time and again, and prints how long it takes until that is written, beside how long its own write
// takes: what else the machine does shows in both.
func timeChanges(t *testing.T, w world) {
	t.Helper()
	policy := w.policy(0)
	watching, err := admin.Watch(t.Context(), &istiosecurityv1.PeerAuthenticationList{}, client.InNamespace(policy.Namespace))
	must(t, err)
	defer watching.Stop()
	var own, times []time.Duration
	changes := changesWanted()
	for n := range changes {
		mode, istios := meshtlsv1alpha1.AcceptPermissive, securityapi.PeerAuthentication_MutualTLS_PERMISSIVE
		if n%2 == 1 {
			mode, istios = meshtlsv1alpha1.AcceptStrict, securityapi.PeerAuthentication_MutualTLS_STRICT
		}
		change := client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"spec":{"accept":{"mode":%q}}}`, mode))
		began := time.Now()
		changed := policy.DeepCopy()
		must(t, admin.Patch(t.Context(), changed, change))
		own = append(own, time.Since(began))
		awaitMode(t, watching, policy.Name, istios)
		times = append(times, time.Since(began))
		awaitReady(t, changed)
	}
	fmt.Printf("from a change to what is written for it, of %d, milliseconds: %s; of that the change itself: %s\n",
		changes, spread(times), spread(own))
}

// spread reads like "median 15, p99 40", in milliseconds.
func spread(times []time.Duration) string {
	slices.Sort(times)
	return fmt.Sprintf("median %d, p99 %d", times[len(times)/2].Milliseconds(), times[len(times)*99/100].Milliseconds())
}

// awaitMode waits until the policy's object has the mode.
func awaitMode(t *testing.T, watching watch.Interface, policy string, mode securityapi.PeerAuthentication_MutualTLS_Mode) {
	t.Helper()
	patience := time.After(time.Minute)
	for {
		select {
		case event := <-watching.ResultChan():
			written, is := event.Object.(*istiosecurityv1.PeerAuthentication)
			if is && written.OwnerReferences[0].Name == policy && written.Spec.GetMtls().GetMode() == mode {
				return
			}
		case <-patience:
			t.Fatalf("%s is not written", mode)
		}
	}
}

// awaitReady waits until the policy is Ready as it is now.
func awaitReady(t *testing.T, policy *meshtlsv1alpha1.MeshTLSPolicy) {
	t.Helper()
	now := &meshtlsv1alpha1.MeshTLSPolicy{}
	must(t, wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		err := admin.Get(ctx, client.ObjectKeyFromObject(policy), now)
		return isReady(now) && now.Generation >= policy.Generation, err
	}))
}

// restart starts the operator again, and counts what it writes. That it has looked at everything shows when it has seen a policy that came
// after its start.
func restart(t *testing.T, w world) {
	t.Helper()
	recorded := newRecorder()
	stop := startOperator(t, settle, recorded.stand)
	defer stop()
	namespace := lookedAt(t, "restarted")
	if writes := recorded.count(namespace); writes > 0 {
		t.Errorf("with %d policies a restart wrote %d times", w.policies, writes)
	}
}

// lookedAt waits until a new policy is Ready, and returns its namespace.
func lookedAt(t *testing.T, namespace string) string {
	t.Helper()
	must(t, admin.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}))
	must(t, newApplication(t.Context(), namespace, appOf(0)))
	policy := world{namespaces: []string{namespace}}.policy(0)
	ready := watchReadiness(t)
	must(t, admin.Create(t.Context(), policy))
	patience := time.After(5 * time.Minute)
	for {
		select {
		case key := <-ready.from:
			if key == client.ObjectKeyFromObject(policy) {
				must(t, admin.Delete(context.WithoutCancel(t.Context()), policy))
				return namespace
			}
		case <-patience:
			t.Fatal("a policy that came after the start is not Ready")
		}
	}
}

// remember runs the program itself, and prints its memory once it has looked at everything.
func remember(t *testing.T, w world) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "manager")
	if text, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "github.com/meshtls/meshtls/cmd/manager").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	t.Setenv("GOMEMLIMIT", "150MiB") // as it is installed
	profiles := controlplane.FreeAddress(t)
	process, err := plane.Run("manager", program, "--kubeconfig="+account.Kubeconfig, "--health-probe-bind-address=0",
		"--pprof-bind-address="+profiles)
	must(t, err)
	defer func() { _ = process.Stop() }()
	lookedAt(t, "remembered")
	profileHeap(t, profiles)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", process.PID()))
	must(t, err)
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "VmRSS:") || strings.HasPrefix(line, "VmHWM:") {
			fmt.Printf("with %d policies and %d objects: %s", w.policies, 2*w.policies, strings.ReplaceAll(line, "\t", " "))
		}
	}
	fmt.Printf("a start that writes nothing took %s of processor\n", processorTime(t, process.PID()))
}

// profileHeap writes what the program holds in memory into the file that MESHTLS_BENCH_HEAP names.
func profileHeap(t *testing.T, from string) {
	t.Helper()
	path := os.Getenv("MESHTLS_BENCH_HEAP")
	if path == "" {
		return
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+from+"/debug/pprof/heap?gc=1", nil)
	must(t, err)
	answer, err := http.DefaultClient.Do(request)
	must(t, err)
	profile, err := io.ReadAll(answer.Body)
	must(t, errors.Join(err, answer.Body.Close(), os.WriteFile(path, profile, 0o600)))
}

// processorTime returns what the process has used. The system counts in hundredths of a second.
func processorTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	must(t, err)
	_, rest, _ := strings.Cut(string(stat), ") ") // the name may have spaces
	fields := strings.Fields(rest)
	used := time.Duration(0)
	for _, field := range fields[11:13] { // utime and stime
		ticks, err := strconv.Atoi(field)
		must(t, err)
		used += time.Duration(ticks) * 10 * time.Millisecond
	}
	return used
}
