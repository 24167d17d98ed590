package gather_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/source"
	"github.com/meshtls/meshtls/test/worlds"
)

// concernWorlds is the number of random worlds, and every how manieth of the compile's worlds is looked at.
const (
	concernWorlds = 6
	everyGolden   = 12
)

// TestWhoDependsOnAnObjectIsFound takes each object of a world away in turn. If that changes the snapshot of a namespace, the object is part
// of the answer to a question that the snapshot asks with it, and without it: both its coming and its going are heard of.
func TestWhoDependsOnAnObjectIsFound(t *testing.T) {
	inputs, err := filepath.Glob(filepath.Join("..", "compile", "testdata", "*", "*.in.yaml"))
	if err != nil || len(inputs) == 0 {
		t.Fatalf("the compile's worlds: %d, %v", len(inputs), err)
	}
	for i := 0; i < len(inputs); i += everyGolden {
		t.Run(filepath.Base(inputs[i]), func(t *testing.T) {
			reader, err := source.Read(t.Context(), []string{inputs[i]}, source.Options{})
			if err != nil {
				t.Fatal(err)
			}
			wantFound(t, reader)
		})
	}
	for seed := range uint64(concernWorlds) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			cluster, policies := worlds.Random(seed)
			for _, p := range policies {
				if source.Admit(t.Context(), p) == nil {
					cluster = append(cluster, p)
				}
			}
			stream, err := worlds.YAML(cluster)
			if err != nil {
				t.Fatal(err)
			}
			reader, err := source.Read(t.Context(), []string{source.Stdin}, source.Options{Stdin: bytes.NewReader(stream)})
			if err != nil {
				t.Fatal(err)
			}
			wantFound(t, reader)
		})
	}
}

func wantFound(t *testing.T, reader *source.Reader) {
	t.Helper()
	namespaces, err := gather.Namespaces(t.Context(), reader)
	if err != nil {
		t.Fatal(err)
	}
	with := map[string]gathered{}
	for _, namespace := range namespaces {
		with[namespace] = gatheredOf(t, reader, namespace)
	}
	for _, object := range reader.Objects() {
		kind := kindNameOf(t, object)
		if isController(kind) {
			continue // the operator reads its pods
		}
		replace(t, reader, object, nil)
		for _, namespace := range namespaces {
			without := gatheredOf(t, reader, namespace)
			if cmp.Equal(with[namespace].snapshot, without.snapshot, protocmp.Transform()) {
				continue
			}
			reads := gather.ReadsOf(kind, object)
			if !slices.ContainsFunc(reads, func(r gather.Read) bool { return with[namespace].reads[r] }) {
				t.Errorf("%s %s/%s goes, and nobody tells %s", kind, object.GetNamespace(), object.GetName(), namespace)
			}
			if !slices.ContainsFunc(reads, func(r gather.Read) bool { return without.reads[r] }) {
				t.Errorf("%s %s/%s comes, and nobody tells %s", kind, object.GetNamespace(), object.GetName(), namespace)
			}
		}
		replace(t, reader, nil, object)
	}
}

// gathered is the snapshot of a namespace, with the reads that it is made of.
type gathered struct {
	snapshot model.Snapshot
	reads    map[gather.Read]bool
}

func gatheredOf(t *testing.T, reader client.Reader, namespace string) gathered {
	t.Helper()
	g := gathered{reads: map[gather.Read]bool{}}
	g.snapshot = snapshotOf(t, reader, namespace, gather.Options{Note: func(r gather.Read) { g.reads[r] = true }})
	return g
}

func kindNameOf(t *testing.T, object client.Object) string {
	t.Helper()
	gvk, err := apiutil.GVKForObject(object, source.Scheme())
	if err != nil {
		t.Fatal(err)
	}
	if name := gvk.Kind + "." + gvk.Group; name == model.KindGatewayAPIGateway {
		return name
	}
	return gvk.Kind
}

func isController(kind string) bool {
	return strings.HasSuffix(kind, "Set") || kind == "Deployment" || strings.HasSuffix(kind, "Job")
}

func replace(t *testing.T, reader *source.Reader, old, with client.Object) {
	t.Helper()
	list := func(o client.Object) []client.Object {
		if o == nil {
			return nil
		}
		return []client.Object{o}
	}
	if err := reader.Replace(list(old), list(with)); err != nil {
		t.Fatal(err)
	}
}
