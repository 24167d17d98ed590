package imports

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/test/conformance/oracle"
	"github.com/meshtls/meshtls/test/equivalence"
)

// randomWorlds is how many random worlds Istio is asked about.
const randomWorlds = 25

// TestSameEffectByIstio asks Istio itself, before the import and after it.
func TestSameEffectByIstio(t *testing.T) {
	inputs, err := filepath.Glob(filepath.Join("..", "..", "..", "cmd", "kubectl-meshtls", "testdata", "import", "*.in.yaml"))
	if err != nil || len(inputs) == 0 {
		t.Fatalf("no inputs: %v", err)
	}
	oracle.Record(t, "imports", "%d inputs and %d random worlds", len(inputs), randomWorlds)
	for _, input := range inputs {
		if strings.HasSuffix(input, "that-istio-refuses.in.yaml") {
			continue // Istio cannot be asked about these
		}
		t.Run(filepath.Base(input), func(t *testing.T) {
			stream, err := os.ReadFile(input)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, stream)
		})
	}
	for seed := range uint64(randomWorlds) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			stream, err := equivalence.Random(t.Context(), seed)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, stream)
		})
	}
}

func compare(t *testing.T, stream []byte) {
	t.Helper()
	got, err := equivalence.Import(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	for _, revision := range []string{"", "canary"} {
		before, after := effect(t, got.Before, revision), effect(t, got.After, revision)
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("revision %q (-before +after):\n%s", revision, diff)
		}
	}
}

// effect returns what each proxy does: what is accepted and sent, or served, in words.
func effect(t *testing.T, stream []byte, revision string) map[string]string {
	t.Helper()
	world, err := oracle.Parse(stream)
	if err != nil {
		t.Fatal(err)
	}
	mesh := oracle.NewMesh(t, world, revision)
	found := map[string]string{}
	for _, pod := range mesh.Pods() {
		name := types.NamespacedName{Namespace: pod.Namespace, Name: pod.Name}
		for _, container := range pod.Spec.Containers {
			for _, port := range container.Ports {
				mode, err := mesh.Sidecar(name).Accepts(port.ContainerPort)
				found[fmt.Sprintf("%s accepts at %d", name, port.ContainerPort)] = fmt.Sprint(mode, err != nil)
			}
		}
		sends(mesh, mesh.Sidecar(name), name.String(), found)
		if isGateway(pod) {
			sends(mesh, mesh.Gateway(name), name.String()+" as a gateway", found)
			found[name.String()+" serves"] = serves(mesh.Gateway(name))
		}
	}
	return found
}

func isGateway(pod corev1.Pod) bool {
	return pod.Labels["istio"] == "ingressgateway" || len(pod.Spec.Containers) == 1
}

func sends(mesh *oracle.Mesh, proxy *oracle.Proxy, name string, found map[string]string) {
	for _, service := range mesh.Services() {
		host := hosts.Default.OfService(service.Namespace, service.Name)
		for _, port := range service.Spec.Ports {
			found[fmt.Sprintf("%s sends to %s:%d", name, host, port.Port)] = sent(proxy, host, port.Port)
		}
	}
	for _, host := range []string{"api.partner.example", "cdn.partner.example", "db.other.example", "db.third.example"} {
		for _, port := range []int32{80, 443, 8443} {
			found[fmt.Sprintf("%s sends to %s:%d", name, host, port)] = sent(proxy, host, port)
		}
	}
}

// sent returns the TLS of the cluster, and what becomes of it at each endpoint. What a rule shapes besides TLS is another matter. A
// cluster that decides for each endpoint is as good as one that does not, if the outcome is the same.
func sent(proxy *oracle.Proxy, host string, port int32) string {
	cluster := proxy.Sends(host, port)
	cluster.LoadBalancer, cluster.MaxConnections, cluster.Ejection = "", 0, 0
	connections := proxy.Connects(host, port)
	slices.SortFunc(connections, func(a, b oracle.Connection) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return fmt.Sprintf("%+v %v", cluster, connections)
}

func serves(proxy *oracle.Proxy) string {
	all := make([]string, 0)
	for _, served := range proxy.Serves() {
		all = append(all, served.String())
	}
	slices.Sort(all)
	return fmt.Sprint(all)
}
