package compile_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/compile"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/test/worlds"
)

const (
	// reachWorlds are compiled to find a policy that reaches out of its namespace, unless MESHTLS_WORLDS says how many.
	reachWorlds = 96
	// reachCrowd is of how many seeds the policies meet in one world.
	reachCrowd = 5
	// reachPolicies is how many policies a world must hold on average, so that the worlds prove something.
	reachPolicies = 27
	// reachShards run beside each other.
	reachShards = 4
)

// corpus is what the worlds held.
type corpus struct {
	policies, objects atomic.Int64
	// lookedAt are the foreign clients' calls that were judged, exported the rules for other people's hosts that exist all the same.
	lookedAt, exported atomic.Int64
}

// TestReach compiles generated policies that the CRD admits: whatever a policy of a namespace other than
// Istio's root says, all that it becomes is in its own namespace, and changes nothing of what other namespaces' workloads accept,
// nor of which rule governs their traffic to hosts that are not the policy's namespace's own. A rule that is exported although its
// host is somebody else's (the companion) is judged so too.
func TestReach(t *testing.T) {
	t.Parallel()
	var found corpus
	worlds := wantedWorlds(t)
	t.Run("worlds", func(t *testing.T) {
		for shard := range uint64(reachShards) {
			t.Run(fmt.Sprintf("from seed %d", shard), func(t *testing.T) {
				t.Parallel()
				for seed := shard; seed < worlds; seed += reachShards {
					reachOf(t, seed, &found)
				}
			})
		}
	})
	t.Logf("%d policies, %d objects, %d calls of others, %d rules exported for hosts of others",
		found.policies.Load(), found.objects.Load(), found.lookedAt.Load(), found.exported.Load())
	if got, want := found.policies.Load(), int64(worlds)*reachPolicies; got < want { // #nosec G115 -- a count
		t.Errorf("the worlds hold %d policies, want at least %d", got, want)
	}
	if found.exported.Load() == 0 || found.lookedAt.Load() == 0 {
		t.Error("no world has what could reach out: a rule that is exported for a host of others, and others that call it")
	}
}

// wantedWorlds returns how many worlds are judged.
func wantedWorlds(t *testing.T) uint64 {
	t.Helper()
	value := os.Getenv("MESHTLS_WORLDS")
	if value == "" {
		return reachWorlds
	}
	wanted, err := strconv.ParseUint(value, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return wanted
}

// reachOf judges the world of a seed.
func reachOf(t *testing.T, seed uint64, found *corpus) {
	t.Helper()
	snapshots := gatherCrowd(t, seed)
	compiled := make([]model.Objects, len(snapshots))
	for i, s := range snapshots {
		compiled[i] = compile.Compile(s).Objects
	}
	for i, s := range snapshots {
		others := slices.Concat(compiled[:i], compiled[i+1:])
		for _, o := range others { // they are in force when this namespace is compiled again
			s.DestinationRules = slices.Concat(s.DestinationRules, o.DestinationRules)
		}
		own := compile.Compile(s).Objects
		found.policies.Add(int64(len(s.Policies)))
		found.objects.Add(int64(own.Len()))
		wantInNamespace(t, seed, s, own)
		if s.Namespace == s.Mesh.RootNamespace {
			continue // its policies are the mesh's, as in Istio
		}
		for _, revision := range []string{"", "canary"} {
			wantNoReach(t, reach{
				seed: seed, namespace: s.Namespace, snapshots: snapshots, found: found,
				without: modelOf(s.Mesh, revision, others...),
				with:    modelOf(s.Mesh, revision, append(others, own)...),
			})
		}
		found.exported.Add(exportedForOthers(s.Namespace, own))
	}
}

// gatherCrowd gathers the world of a seed with the policies of several.
func gatherCrowd(t *testing.T, seed uint64) []model.Snapshot {
	t.Helper()
	cluster, _ := worlds.Random(seed)
	for i := range uint64(reachCrowd) {
		_, policies := worlds.Random(seed + i*reachWorlds)
		for _, p := range policies {
			p.Name, p.UID = fmt.Sprintf("%s-%d", p.Name, i), types.UID(fmt.Sprintf("%s-%d", p.UID, i))
		}
		cluster = append(cluster, admittedOnly(t, policies)...)
	}
	return gatherObjects(t, cluster)
}

// wantInNamespace holds every object to the namespace of the policies that own it.
func wantInNamespace(t *testing.T, seed uint64, s model.Snapshot, objects model.Objects) {
	t.Helper()
	policies := sets.New[string]()
	for _, p := range s.Policies {
		policies.Insert(string(p.UID))
	}
	for _, object := range objects.All() {
		if object.GetNamespace() != s.Namespace {
			t.Errorf("seed %d: %s of namespace %s is rendered into %s", seed, object.GetName(), s.Namespace, object.GetNamespace())
		}
		owners := object.GetOwnerReferences()
		if len(owners) == 0 || slices.ContainsFunc(owners, func(o metav1.OwnerReference) bool { return !policies.Has(string(o.UID)) }) {
			t.Errorf("seed %d: %s/%s is not owned by policies of its namespace alone: %v", seed, s.Namespace, object.GetName(), owners)
		}
	}
}

// reach is a mesh without and with what the policies of a namespace become.
type reach struct {
	seed      uint64
	namespace string
	snapshots []model.Snapshot
	// without and with are what Istio does.
	without, with *istio.Model
	found         *corpus
}

// wantNoReach compares the two for the workloads of other namespaces, and for one where nobody has said anything.
func wantNoReach(t *testing.T, r reach) {
	t.Helper()
	called := hostsOfOthers(r.snapshots, r.namespace)
	strangers := []*model.Workload{{Namespace: "elsewhere", Labels: map[string]string{"app": "a"}, Dataplane: model.DataplaneSidecar}}
	for _, s := range r.snapshots {
		strangers = append(strangers, slices.DeleteFunc(slices.Clone(s.Workloads), func(w *model.Workload) bool {
			return w.Namespace != s.Namespace || w.Namespace == r.namespace
		})...)
	}
	for _, w := range strangers {
		if diff := cmp.Diff(r.without.Accept(w), r.with.Accept(w)); diff != "" {
			t.Errorf("seed %d: policies of %s change what %s/%s accepts (-without +with):\n%s", r.seed, r.namespace, w.Namespace, w.Example, diff)
		}
		client := istio.Client{Namespace: w.Namespace, Labels: w.Labels, Dataplane: w.Dataplane}
		for _, host := range called {
			r.found.lookedAt.Add(1)
			if diff := cmp.Diff(ruleNames(r.without, client, host), ruleNames(r.with, client, host)); diff != "" {
				t.Errorf("seed %d: policies of %s change what %s/%s sends to %s of %s (-without +with):\n%s",
					r.seed, r.namespace, w.Namespace, w.Example, host.Name, host.Namespace, diff)
			}
		}
	}
}

// ruleNames returns the DestinationRules that govern a client's traffic to the host.
func ruleNames(m *istio.Model, client istio.Client, host model.Host) []string {
	var names []string
	for _, rule := range m.Rule(client, host).Rules {
		names = append(names, rule.Namespace+"/"+rule.Name)
	}
	return names
}

// hostsOfOthers returns the hosts that others than the namespace declare.
func hostsOfOthers(snapshots []model.Snapshot, namespace string) []model.Host {
	var found []model.Host
	for _, s := range snapshots {
		for _, host := range destinations.NewIndex(s.Inventory).SeenBy(s.Namespace) {
			if host.Namespace != namespace {
				found = append(found, host)
			}
		}
		for _, service := range s.Services {
			if service.Namespace != namespace {
				found = append(found, model.Host{Name: hosts.Default.OfService(service.Namespace, service.Name), Namespace: service.Namespace})
			}
		}
	}
	return found
}

// modelOf returns what Istio's control plane of a revision does with the objects.
func modelOf(mesh model.Mesh, revision string, objects ...model.Objects) *istio.Model {
	world := istio.World{Mesh: mesh}
	for _, o := range objects {
		world.PeerAuthentications = append(world.PeerAuthentications, readBy(revision, o.PeerAuthentications)...)
		world.DestinationRules = append(world.DestinationRules, readBy(revision, o.DestinationRules)...)
	}
	return istio.New(world)
}

// readBy returns the objects that the control plane of a revision reads.
func readBy[T metav1.Object](revision string, objects []T) []T {
	var read []T
	for _, o := range objects {
		if model.InRevision(o, revision) {
			read = append(read, o)
		}
	}
	return read
}

// exportedForOthers counts the rules that other namespaces can see, for hosts that are not the namespace's own Services.
func exportedForOthers(namespace string, objects model.Objects) int64 {
	var count int64
	for _, rule := range objects.DestinationRules {
		if owner, _, ok := hosts.Default.Service(rule.Spec.Host); !slices.Equal(rule.Spec.ExportTo, []string{"."}) && (!ok || owner != namespace) {
			count++
		}
	}
	return count
}
