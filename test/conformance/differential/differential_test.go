package differential

import (
	"os"
	"strings"
	"testing"

	"github.com/meshtls/meshtls/test/conformance/oracle"
	"github.com/meshtls/meshtls/test/worlds"
)

const (
	// defaultWorlds is how many worlds a test run makes.
	defaultWorlds = 1200
	defaultSeed   = 1
	// shown is how many disagreements of a world are printed.
	shown = 5
)

// TestMain keeps Istio's log out of the output.
func TestMain(m *testing.M) {
	oracle.Silence()
	os.Exit(m.Run())
}

// TestAgreesWithIstio shows each world to Istio and to internal/istio.
func TestAgreesWithIstio(t *testing.T) {
	first, count := worlds.Setting(t, "MESHTLS_SEED", defaultSeed), worlds.Setting(t, "MESHTLS_WORLDS", defaultWorlds)
	var tally tally
	worlds.Each(t, first, count, func(t *testing.T, seed uint64) { compare(t, seed, &tally) })
	t.Logf("%d worlds, %s", count, &tally)
	oracle.Record(t, "differential", "%d worlds, %d answers compared", count, tally.total())
	tally.mustCover(t, "accept", "rule", "sends", "endpoint", "servers", "chains")
}

func compare(t *testing.T, seed uint64, tally *tally) {
	t.Helper()
	w := newWorld(seed)
	generated := istioFacts(t, startIstio(t, w), w)
	found := differences(generated, ourFacts(w))
	tally.add(generated, len(found))
	if len(found) > 0 {
		t.Errorf("seed %d: %d disagreements:\n%s", seed, len(found), strings.Join(found[:min(shown, len(found))], "\n"))
	}
}
