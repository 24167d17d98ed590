package compile_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/meshtls/meshtls/internal/compile"
	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/render"
	"github.com/meshtls/meshtls/internal/source"
	"github.com/meshtls/meshtls/internal/source/admission"
	"github.com/meshtls/meshtls/internal/status"
	"github.com/meshtls/meshtls/test/golden"
)

const (
	inputSuffix  = ".in.yaml"
	outputSuffix = ".out.yaml"
	// shuffles is how often a world is compiled again with its lists in another order.
	shuffles = 5
)

// today is when the worlds are looked at: exceptions from floors end.
var today = metav1.Date(2027, time.February, 20, 12, 0, 0, 0, time.UTC)

// TestGolden compiles each testdata/<area>/<behaviour>.in.yaml, the whole world of that behaviour, and compares the objects and
// the statuses with the .out.yaml beside it.
func TestGolden(t *testing.T) {
	for _, name := range pairs(t) {
		t.Run(name, func(t *testing.T) {
			snapshots := gatherAll(t, name+inputSuffix)
			got := compileAll(t, snapshots)
			for seed := range uint64(shuffles) {
				if diff := cmp.Diff(string(got), string(compileAll(t, shuffled(snapshots, seed)))); diff != "" {
					t.Fatalf("the output depends on the order of the input; seed %d (-in order +shuffled):\n%s", seed, diff)
				}
			}
			golden.Compare(t, name+outputSuffix, string(got))
		})
	}
}

// TestGoldenOutputsHaveInputs finds the outputs that a renamed or deleted input leaves behind.
func TestGoldenOutputsHaveInputs(t *testing.T) {
	golden.WantInputs(t, glob(t, outputSuffix), outputSuffix, inputSuffix)
}

// pairs returns the paths of the inputs, without their suffix.
func pairs(t *testing.T) []string {
	t.Helper()
	inputs := glob(t, inputSuffix)
	if len(inputs) == 0 {
		t.Fatal("there are no inputs in testdata")
	}
	names := make([]string, 0, len(inputs))
	for _, input := range inputs {
		names = append(names, strings.TrimSuffix(input, inputSuffix))
	}
	return names
}

func glob(t *testing.T, suffix string) []string {
	t.Helper()
	return golden.Glob(t, "*", "*"+suffix)
}

// gatherAll reads the world, and gathers every namespace that has policies.
func gatherAll(t *testing.T, input string) []model.Snapshot {
	t.Helper()
	reader, err := source.Read(t.Context(), []string{input}, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if ignored := reader.Ignored(); len(ignored) > 0 {
		t.Fatalf("the input holds what nothing reads: %v", ignored)
	}
	snapshots, err := gather.Snapshots(t.Context(), reader, gather.Options{Now: today, Fields: reader.Fields()})
	if err != nil {
		t.Fatal(err)
	}
	if len(snapshots) == 0 {
		t.Fatal("the input has no policy")
	}
	return snapshots
}

// compileAll returns the output: the objects, then the policies with their statuses.
func compileAll(t *testing.T, snapshots []model.Snapshot) []byte {
	t.Helper()
	var objects model.Objects
	var policies [][]byte
	for _, snapshot := range snapshots {
		result := compile.Compile(snapshot)
		objects.PeerAuthentications = append(objects.PeerAuthentications, result.Objects.PeerAuthentications...)
		objects.DestinationRules = append(objects.DestinationRules, result.Objects.DestinationRules...)
		objects.Gateways = append(objects.Gateways, result.Objects.Gateways...)
		objects.AuthorizationPolicies = append(objects.AuthorizationPolicies, result.Objects.AuthorizationPolicies...)
		for _, outcome := range result.Policies {
			policies = append(policies, policyDocument(t, outcome, result.Mesh))
		}
	}
	admitAll(t, objects)
	stream, err := render.YAML(objects)
	if err != nil {
		t.Fatal(err)
	}
	if len(stream) > 0 {
		policies = slices.Insert(policies, 0, stream)
	}
	return bytes.Join(policies, []byte("---\n"))
}

// policyDocument returns a policy's status, while nothing goes wrong in writing.
func policyDocument(t *testing.T, outcome model.Outcome, mesh model.Mesh) []byte {
	t.Helper()
	written := status.Of(outcome, mesh, nil)
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&written)
	if err != nil {
		t.Fatal(err)
	}
	dropTransitionTimes(content)
	document, err := yaml.Marshal(map[string]any{"policy": outcome.Policy.String(), "status": content})
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// dropTransitionTimes leaves out what is null before the status is written.
func dropTransitionTimes(content map[string]any) {
	conditions, _ := content["conditions"].([]any)
	for _, condition := range conditions {
		if fields, ok := condition.(map[string]any); ok {
			delete(fields, "lastTransitionTime")
		}
	}
}

// shuffled puts the lists of the snapshots into another order.
func shuffled(snapshots []model.Snapshot, seed uint64) []model.Snapshot {
	random := rand.New(rand.NewPCG(seed, seed)) // #nosec G404 -- repeatable on purpose
	all := make([]model.Snapshot, 0, len(snapshots))
	for _, s := range snapshots {
		s.Policies = shuffle(random, s.Policies)
		s.RootPolicies = shuffle(random, s.RootPolicies)
		s.Services = shuffle(random, s.Services)
		s.Workloads = shuffle(random, s.Workloads)
		s.PeerAuthentications = shuffle(random, s.PeerAuthentications)
		s.DestinationRules = shuffle(random, s.DestinationRules)
		s.Gateways = shuffle(random, s.Gateways)
		s.Namespaces = shuffle(random, s.Namespaces)
		s.ServiceEntries = shuffle(random, s.ServiceEntries)
		s.VirtualServices = shuffle(random, s.VirtualServices)
		s.Webhooks = shuffle(random, s.Webhooks)
		all = append(all, s)
	}
	return all
}

func shuffle[T any](random *rand.Rand, list []T) []T {
	other := slices.Clone(list)
	random.Shuffle(len(other), func(i, j int) { other[i], other[j] = other[j], other[i] })
	return other
}

// admitAll proves that an API server with Istio's CRDs takes the objects.
func admitAll(t *testing.T, objects model.Objects) {
	t.Helper()
	for _, object := range objects.All() {
		content, err := render.Encode(object)
		if err != nil {
			t.Fatal(err)
		}
		gvk := schema.FromAPIVersionAndKind(content["apiVersion"].(string), content["kind"].(string))
		kind, known := istioSchemas(t)[gvk]
		if !known {
			t.Fatalf("Istio has no CRD for %s", gvk)
		}
		for _, err := range kind.Admit(t.Context(), content) {
			t.Errorf("%s %s/%s would not be admitted: %v", gvk.Kind, object.GetNamespace(), object.GetName(), err)
		}
	}
}

// istioSchemas returns the schemas of the CRDs in the module that our Istio types come from.
func istioSchemas(t *testing.T) admission.Schemas {
	t.Helper()
	schemas, err := loadIstioSchemas()
	if err != nil {
		t.Fatal(err)
	}
	return schemas
}

var loadIstioSchemas = sync.OnceValues(func() (admission.Schemas, error) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "istio.io/api").Output()
	if err != nil {
		return nil, err
	}
	crds, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "kubernetes", "customresourcedefinitions.gen.yaml"))
	if err != nil {
		return nil, err
	}
	return admission.Load(bytes.NewReader(crds))
})
