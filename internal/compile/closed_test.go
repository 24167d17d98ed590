package compile_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/testing/protocmp"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/internal/compile"
	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/source"
	"github.com/meshtls/meshtls/test/worlds"
)

// The number of random worlds whose partial inventories are compared with the whole one.
const (
	variableClosed = "CLOSED_WORLDS"
	closedWorlds   = 60
)

// TestPartialInventoryIsClosed: what comes of a namespace's policies is the same whether the compile sees what the operator gathers for it
// or the whole mesh. What the operator does not gather is none of their business.
func TestPartialInventoryIsClosed(t *testing.T) {
	for _, name := range pairs(t) {
		t.Run(name, func(t *testing.T) {
			reader, err := source.Read(t.Context(), []string{name + inputSuffix}, source.Options{})
			if err != nil {
				t.Fatal(err)
			}
			wantClosed(t, reader)
		})
	}
	for seed := range worlds.Setting(t, variableClosed, closedWorlds) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { wantClosed(t, randomReader(t, seed)) })
	}
}

// wantClosed compares, for each namespace with policies, the compile of its snapshot with that of the whole inventory.
func wantClosed(t *testing.T, reader client.Reader) {
	t.Helper()
	whole, err := gather.Inventory(t.Context(), reader, time.Time{}, gather.Options{})
	if err != nil {
		t.Fatal(err)
	}
	snapshots, err := gather.Snapshots(t.Context(), reader, gather.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, partial := range snapshots {
		complete := partial
		complete.Inventory = whole
		// Each control plane has a mesh config of its own, and the API server's calls of other namespaces' Services are not theirs.
		complete.Mesh, complete.Webhooks = partial.Mesh, partial.Webhooks
		complete.Now, complete.CredentialNamespaces, complete.Credentials = partial.Now, partial.CredentialNamespaces, partial.Credentials
		want, got := compile.Compile(complete), compile.Compile(partial)
		if diff := cmp.Diff(want, got, protocmp.Transform(), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("namespace %s (-of the whole mesh +of what is gathered):\n%s", partial.Namespace, diff)
		}
	}
}

// randomReader reads the world of a seed.
func randomReader(t *testing.T, seed uint64) client.Reader {
	t.Helper()
	drawn := worlds.Wide(seed)
	return readObjects(t, append(drawn.Cluster, admittedOnly(t, drawn.Policies)...))
}
