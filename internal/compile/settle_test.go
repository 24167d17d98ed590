package compile_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/internal/compile"
	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/render"
	"github.com/meshtls/meshtls/internal/source"
)

func settled(t *testing.T, reader *source.Reader, mesh model.Inventory) compile.Settled {
	t.Helper()
	policies, err := gather.Policies(t.Context(), reader)
	if err != nil {
		t.Fatal(err)
	}
	got, err := compile.Settle(mesh, policies)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestSettleWrites(t *testing.T) {
	const unclear = `
---
apiVersion: security.meshtls.dev/v1alpha1
kind: MeshTLSPolicy
metadata: {name: missing, namespace: shop, uid: missing}
spec: {workload: {service: missing}, accept: {mode: Strict}}
`
	ours := func(namespace, name, owner string) string {
		return "\n---\n{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: " + name + ", namespace: " + namespace +
			", labels: {app.kubernetes.io/managed-by: meshtls}, ownerReferences: [{apiVersion: security.meshtls.dev/v1alpha1, kind: MeshTLSPolicy, name: p, uid: " +
			owner + "}]}, spec: {}}"
	}
	tests := map[string]struct {
		world string
		want  []string
	}{
		"what is new is younger than all":                  {world: strictHooks + scrapedHooks, want: []string{"shop/meshtls-hooks-6ls57yl4hzjluojk Strict unborn"}},
		"what is there keeps its age":                      {world: permissiveHooks + liveHooks + scrapedHooks, want: []string{"shop/meshtls-hooks-6ls57yl4hzjluojk Permissive 2026-01-01"}},
		"what is not wanted any more is gone":              {world: strictHooks + ours("shop", "meshtls-old", "gone") + scrapedHooks, want: []string{"shop/meshtls-hooks-6ls57yl4hzjluojk Strict unborn"}},
		"what is ours stays where nothing is compiled":     {world: ours("bank", "meshtls-old", "gone"), want: []string{"bank/meshtls-old  unknown"}},
		"what belongs to a policy that is unclear stays":   {world: strictHooks + unclear + ours("shop", "meshtls-old", "missing") + scrapedHooks, want: []string{"shop/meshtls-hooks-6ls57yl4hzjluojk Strict unborn", "shop/meshtls-old  unknown"}},
		"what others wrote stays, also if it has the name": {world: permissiveHooks + theirHooks + scrapedHooks, want: []string{"shop/meshtls-hooks-6ls57yl4hzjluojk Strict 2026-01-01"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			reader := readerOf(t, written(tc.world), source.Stdin)
			mesh, _ := meshIn(t, reader)
			before := slices.Clone(mesh.PeerAuthentications)
			var got []string
			for _, pa := range settled(t, reader, mesh).Inventory.PeerAuthentications {
				got = append(got, pa.Namespace+"/"+pa.Name+" "+string(istio.ModeOf(pa.Spec.GetMtls()))+" "+ageOf(pa))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("PeerAuthentications (-want +got):\n%s", diff)
			}
			if !slices.Equal(before, mesh.PeerAuthentications) {
				t.Error("the inventory that was given has changed")
			}
		})
	}
}

func ageOf(o metav1.Object) string {
	switch born := o.GetCreationTimestamp(); {
	case born.IsZero():
		return "unknown"
	case born.Equal(&istio.Unborn):
		return "unborn"
	default:
		return born.Format(time.DateOnly)
	}
}

// severalConfigs is a world in which revisions have mesh configs of their own: an inventory holds that of one revision.
const severalConfigs = "mesh-config-of-the-namespaces-revision"

// TestPartIsAsGoodAsTheWhole: what the operator gathers for a namespace gives the objects that the whole mesh gives.
func TestPartIsAsGoodAsTheWhole(t *testing.T) {
	for _, name := range pairs(t) {
		if strings.HasSuffix(name, severalConfigs) {
			continue
		}
		t.Run(name, func(t *testing.T) { comparePart(t, readerOf(t, source.Options{}, name+inputSuffix)) })
	}
	for seed := range uint64(seededWorlds) {
		t.Run(fmt.Sprintf("world %d", seed), func(t *testing.T) { comparePart(t, readerOfSeed(t, seed)) })
	}
}

func comparePart(t *testing.T, reader *source.Reader) {
	t.Helper()
	mesh, _ := meshIn(t, reader)
	whole := settled(t, reader, mesh)
	if err := reader.Replace(objectsIn(mesh), objectsIn(whole.Inventory)); err != nil {
		t.Fatal(err)
	}
	_, snapshots := meshIn(t, reader)
	for i, namespace := range whole.Namespaces {
		part := compile.Compile(snapshots[i])
		if diff := cmp.Diff(asYAML(t, namespace.Objects), asYAML(t, part.Objects)); diff != "" {
			t.Errorf("namespace %s (-of the whole mesh +of what is gathered):\n%s", part.Namespace, diff)
		}
	}
}

func asYAML(t *testing.T, objects model.Objects) string {
	t.Helper()
	stream, err := render.YAML(objects)
	if err != nil {
		t.Fatal(err)
	}
	return string(stream)
}

func objectsIn(i model.Inventory) []client.Object {
	var all []client.Object
	for _, o := range (model.Objects{
		PeerAuthentications: i.PeerAuthentications, DestinationRules: i.DestinationRules, Gateways: i.Gateways,
	}).All() {
		all = append(all, o)
	}
	return all
}
