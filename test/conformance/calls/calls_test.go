package calls

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"istio.io/istio/pkg/kube/krt"

	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/test/conformance/oracle"
	"github.com/meshtls/meshtls/test/worlds"
)

const (
	// defaultWorlds is how many worlds a test run makes.
	defaultWorlds = 200
	defaultSeed   = 1
	// shown is how many disagreements of a world are printed.
	shown = 8
	// brokenWorlds are shown to a broken model, and leastNoticed is in how many of them that must be noticed.
	brokenWorlds, leastNoticed = 20, 3
)

// TestMain keeps Istio's log out of the output, and Istio from holding on to every world for its debugger.
func TestMain(m *testing.M) {
	oracle.Silence()
	krt.GlobalDebugHandler = nil
	os.Exit(m.Run())
}

// TestCallsAgreeWithIstio shows each world to Istio and to internal/mesh.
func TestCallsAgreeWithIstio(t *testing.T) {
	first, count := worlds.Setting(t, "MESHTLS_SEED", defaultSeed), worlds.Setting(t, "MESHTLS_WORLDS", defaultWorlds)
	var tally tally
	worlds.Each(t, first, count, func(t *testing.T, seed uint64) { compare(t, seed, &tally) })
	t.Logf("%d worlds, %s", count, &tally)
	oracle.Record(t, "calls", "%d worlds", count)
}

func compare(t *testing.T, seed uint64, tally *tally) {
	t.Helper()
	world, inventory, classes := read(t, seed)
	v := mesh.New(inventory, "")
	generated, asked := istioFacts(oracle.NewMesh(t, world, ""), v)
	found := differences(generated, ourFacts(v, asked))
	tally.add(generated, classes, len(found))
	if len(found) > 0 {
		keep(t, world, seed)
		t.Errorf("seed %d: %d disagreements:\n%s", seed, len(found), strings.Join(found[:min(shown, len(found))], "\n"))
	}
}

// read returns the world of the seed, as Istio and as internal/mesh take it, and what it has in it.
func read(t *testing.T, seed uint64) (oracle.World, model.Inventory, []string) {
	t.Helper()
	objects, classes := newWorld(seed)
	world, err := oracle.Of(objects)
	if err != nil {
		t.Fatal(err)
	}
	if world, err = oracle.Admitted(world); err != nil {
		t.Fatal(err)
	}
	reader, err := world.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	inventory, err := gather.Inventory(t.Context(), reader, time.Time{}, gather.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return world, inventory, classes
}

// TestBrokenModelIsNoticed hides objects of a kind from internal/mesh, in worlds on which it agrees with Istio.
func TestBrokenModelIsNoticed(t *testing.T) {
	hidden := map[string]func(*model.Inventory){
		"PeerAuthentications": func(i *model.Inventory) { i.PeerAuthentications = nil },
		"DestinationRules":    func(i *model.Inventory) { i.DestinationRules = nil },
		"VirtualServices":     func(i *model.Inventory) { i.VirtualServices = nil },
		"Gateways":            func(i *model.Inventory) { i.Gateways = nil },
	}
	noticed := map[string]int{}
	for seed := range uint64(brokenWorlds) {
		world, inventory, _ := read(t, defaultSeed+seed)
		generated, asked := istioFacts(oracle.NewMesh(t, world, ""), mesh.New(inventory, ""))
		for kind, hide := range hidden {
			broken := inventory
			hide(&broken)
			if len(differences(generated, ourFacts(mesh.New(broken, ""), asked))) > 0 {
				noticed[kind]++
			}
		}
	}
	for kind := range hidden {
		if noticed[kind] < leastNoticed {
			t.Errorf("a model without %s is noticed in %d of %d worlds, want %d", kind, noticed[kind], brokenWorlds, leastNoticed)
		}
	}
}

// keep writes the world into the folder MESHTLS_KEEP, if that is set.
func keep(t *testing.T, world oracle.World, seed uint64) {
	t.Helper()
	folder := os.Getenv("MESHTLS_KEEP")
	if folder == "" {
		return
	}
	stream, err := world.YAML()
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, strconv.FormatUint(seed, 10)+".yaml"), stream, 0o600)
	}
	if err != nil {
		t.Error(err)
	}
}
