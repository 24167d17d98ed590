package differential

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"istio.io/istio/pkg/log"
)

const (
	// defaultWorlds is how many worlds a test run makes.
	defaultWorlds = 2000
	defaultSeed   = 1
	// shown is how many disagreements of a world are printed.
	shown = 5
)

// TestAgreesWithIstio shows each world to Istio and to internal/effective.
func TestAgreesWithIstio(t *testing.T) {
	quiet()
	first, worlds := setting(t, "MESHTLS_SEED", defaultSeed), setting(t, "MESHTLS_WORLDS", defaultWorlds)
	var tally tally
	t.Run("worlds", func(t *testing.T) {
		for seed := first; seed < first+worlds; seed++ {
			t.Run(strconv.Itoa(seed), func(t *testing.T) {
				t.Parallel()
				w := newWorld(uint64(seed))
				istio := istioFacts(startIstio(t, w), w)
				found := differences(istio, ourFacts(w))
				tally.add(istio, len(found))
				if len(found) > 0 {
					t.Errorf("seed %d: %d disagreements:\n%s", seed, len(found), strings.Join(found[:min(shown, len(found))], "\n"))
				}
			})
		}
	})
	t.Logf("%d worlds, %s", worlds, &tally)
	tally.mustCover(t, "accept", "rule", "sends", "endpoint", "servers", "chains")
}

func setting(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text, set := os.LookupEnv(name)
	if !set {
		return otherwise
	}
	value, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return value
}

// quiet keeps Istio's log out of the output: it warns of every server that it drops.
func quiet() {
	for _, scope := range log.Scopes() {
		scope.SetOutputLevel(log.NoneLevel)
	}
}
