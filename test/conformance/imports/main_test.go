package imports

import (
	"os"
	"testing"

	"github.com/meshtls/meshtls/test/conformance/oracle"
)

// TestMain keeps Istio's log, which is long, out of the output.
func TestMain(m *testing.M) {
	oracle.Silence()
	os.Exit(m.Run())
}
