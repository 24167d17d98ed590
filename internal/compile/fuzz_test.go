package compile_test

import (
	"bytes"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	meshtlscrd "github.com/meshtls/meshtls/config/crd"
	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/source"
	"github.com/meshtls/meshtls/internal/source/admission"
	"github.com/meshtls/meshtls/test/worlds"
)

// seededWorlds is how many worlds the test run compiles; go test -fuzz goes on from there.
const seededWorlds = 100

// FuzzCompile compiles random policies that the CRD admits, in random worlds: there is no panic, what
// is rendered passes the validation of Istio's CRDs, and the order of the input does not show in the output.
func FuzzCompile(f *testing.F) {
	for seed := range uint64(seededWorlds) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		snapshots := gatherWorld(t, seed)
		inOrder := compileAll(t, snapshots)
		if diff := cmp.Diff(string(inOrder), string(compileAll(t, shuffled(snapshots, seed)))); diff != "" {
			t.Errorf("the output depends on the order of the input (-in order +shuffled):\n%s", diff)
		}
	})
}

// TestWorldsAreAdmitted keeps the fuzz test honest: were most policies refused by the CRD, it would prove little.
func TestWorldsAreAdmitted(t *testing.T) {
	t.Parallel()
	made, admitted := 0, 0
	for seed := range uint64(seededWorlds) {
		_, policies := worlds.Random(seed)
		made += len(policies)
		admitted += len(admittedOnly(t, policies))
	}
	if admitted*10 < made*7 {
		t.Errorf("the CRD admits %d of %d random policies, want at least 7 of 10", admitted, made)
	}
}

// gatherWorld gathers the namespaces of the world of a seed.
func gatherWorld(t *testing.T, seed uint64) []model.Snapshot {
	t.Helper()
	cluster, policies := worlds.Random(seed)
	return gatherObjects(t, append(cluster, admittedOnly(t, policies)...))
}

// readObjects reads the objects.
func readObjects(t *testing.T, cluster []client.Object) *source.Reader {
	t.Helper()
	stream, err := worlds.YAML(cluster)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := source.Read(t.Context(), []string{source.Stdin}, source.Options{Stdin: bytes.NewReader(stream)})
	if err != nil {
		t.Fatal(err)
	}
	return reader
}

// gatherObjects gathers the namespaces of the objects.
func gatherObjects(t *testing.T, cluster []client.Object) []model.Snapshot {
	t.Helper()
	snapshots, err := gather.Snapshots(t.Context(), readObjects(t, cluster), gather.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return snapshots
}

// admittedOnly returns the policies that an API server would take.
func admittedOnly(t *testing.T, policies []*meshtlsv1alpha1.MeshTLSPolicy) []client.Object {
	t.Helper()
	schema := policySchema(t)
	var admitted []client.Object
	for _, p := range policies {
		content, err := worlds.Manifest(p)
		if err != nil {
			t.Fatal(err)
		}
		if errs := schema.Admit(t.Context(), content); len(errs) == 0 {
			admitted = append(admitted, p)
		}
	}
	return admitted
}

func policySchema(t *testing.T) *admission.Schema {
	t.Helper()
	schemas, err := loadPolicySchemas()
	if err != nil {
		t.Fatal(err)
	}
	return schemas[meshtlsv1alpha1.GroupVersion.WithKind("MeshTLSPolicy")]
}

var loadPolicySchemas = sync.OnceValues(func() (admission.Schemas, error) {
	return admission.Load(bytes.NewReader(meshtlscrd.MeshTLSPolicy))
})
