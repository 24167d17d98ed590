package imports_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/manifests"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/render"
	"github.com/meshtls/meshtls/internal/translate"
	"github.com/meshtls/meshtls/test/equivalence"
	"github.com/meshtls/meshtls/test/worlds"
)

// randomWorlds is how many random worlds are imported.
const randomWorlds = 60

// TestSameEffectOfWrittenWorlds imports the worlds of other packages' golden pairs, and the command's own.
func TestSameEffectOfWrittenWorlds(t *testing.T) {
	for _, folder := range []string{
		filepath.Join("..", "compile", "testdata", "*"),
		filepath.Join("..", "lint", "testdata", "*"),
		filepath.Join("..", "..", "cmd", "kubectl-meshtls", "testdata", "import"),
	} {
		inputs, err := filepath.Glob(filepath.Join(folder, "*.in.yaml"))
		if err != nil || len(inputs) == 0 {
			t.Fatalf("%s has no inputs: %v", folder, err)
		}
		for _, input := range inputs {
			t.Run(input, func(t *testing.T) {
				stream, err := os.ReadFile(input)
				if err != nil {
					t.Fatal(err)
				}
				importEqually(t, stream)
			})
		}
	}
}

// TestSameEffectOfRandomWorlds imports what the operator writes for random policies, as if others had written it, with changes. Most of
// it can be said as a policy: it was one.
func TestSameEffectOfRandomWorlds(t *testing.T) {
	objects, refused := 0, 0
	for seed := range uint64(randomWorlds) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			got := importEqually(t, foreignWorld(t, seed))
			for _, p := range got.Policies {
				objects += len(p.From)
			}
			refused += len(got.Refusals)
		})
	}
	if objects < 2*refused {
		t.Errorf("%d objects are imported and %d are not: of these worlds more can be said as policies", objects, refused)
	}
}

func importEqually(t *testing.T, stream []byte) equivalence.Imported {
	t.Helper()
	got, err := equivalence.Import(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	for _, difference := range got.Differences {
		t.Error(difference)
	}
	return got
}

// foreignWorld is a random world in which somebody else wrote what the operator would write for the policies.
func foreignWorld(t *testing.T, seed uint64) []byte {
	t.Helper()
	cluster, policies := worlds.Random(seed)
	world := append([]client.Object{}, cluster...)
	for _, p := range policies {
		if manifests.Admit(t.Context(), p) == nil {
			world = append(world, p)
		}
	}
	reader, err := manifests.Read(t.Context(), []string{manifests.Stdin}, manifests.Options{Stdin: bytes.NewReader(streamOf(t, world))})
	if err != nil {
		t.Fatal(err)
	}
	namespaces, err := gather.Namespaces(t.Context(), reader)
	if err != nil {
		t.Fatal(err)
	}
	c := changer{rand.New(rand.NewPCG(seed, 1))} // #nosec G404 -- repeatable on purpose
	for _, namespace := range namespaces {
		snapshot, err := gather.Snapshot(t.Context(), reader, namespace, gather.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range render.Objects(translate.Plan(snapshot)).All() {
			c.change(o)
			cluster = append(cluster, o)
		}
	}
	return streamOf(t, cluster)
}

func streamOf(t *testing.T, objects []client.Object) []byte {
	t.Helper()
	stream, err := worlds.YAML(objects)
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

// changer makes objects of ours somebody else's.
type changer struct{ *rand.Rand }

func (c changer) change(o model.Object) {
	labels := o.GetLabels()
	delete(labels, meshtlsv1alpha1.LabelManagedBy)
	o.SetLabels(labels)
	o.SetOwnerReferences(nil)
	o.SetCreationTimestamp(metav1.Unix(1_700_000_000+c.Int64N(5), 0))
	switch object := o.(type) {
	case *istionetworkingv1.DestinationRule:
		c.rule(&object.Spec)
	case *istionetworkingv1.Gateway:
		c.gateway(&object.Spec)
	}
}

// rule gives some rules what a policy cannot say.
func (c changer) rule(rule *networkingapi.DestinationRule) {
	switch c.IntN(8) {
	case 0:
		if rule.TrafficPolicy != nil {
			rule.TrafficPolicy.OutlierDetection = &networkingapi.OutlierDetection{MaxEjectionPercent: 50}
		}
	case 1:
		rule.Subsets = []*networkingapi.Subset{{Name: "v1", Labels: map[string]string{"version": "v1"}}}
	case 2:
		if rule.WorkloadSelector == nil {
			exports := [][]string{{"."}, {"*"}, {"shop"}, {"shop", "bank"}, nil}
			rule.ExportTo = exports[c.IntN(len(exports))]
		}
	}
}

func (c changer) gateway(gateway *networkingapi.Gateway) {
	if c.IntN(4) > 0 {
		return
	}
	if tls := gateway.Servers[c.IntN(len(gateway.Servers))].Tls; tls != nil {
		tls.CipherSuites = append(tls.CipherSuites, "NONE")
	}
}
