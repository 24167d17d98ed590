package worlds

import (
	"os"
	"runtime"
	"strconv"
	"testing"
)

// Setting reads a number from the environment, such as the seed of the first world of a run, or how many there are.
func Setting(t testing.TB, variable string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}

// Each runs a test for each of the seeds. A parallel test is kept until its group is done, and with it what it has cleaned up; so there are
// few of them, and the worlds of each come one after the other.
func Each(t *testing.T, first, count uint64, test func(t *testing.T, seed uint64)) {
	t.Helper()
	t.Run("worlds", func(t *testing.T) {
		workers := uint64(runtime.GOMAXPROCS(0)) // #nosec G115 -- not negative
		for worker := range workers {
			t.Run(strconv.FormatUint(worker, 10), func(t *testing.T) {
				t.Parallel()
				for seed := first + worker; seed < first+count; seed += workers {
					t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) { test(t, seed) })
				}
			})
		}
	})
}
