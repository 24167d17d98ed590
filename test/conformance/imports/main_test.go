package imports

import (
	"os"
	"testing"

	istiolog "istio.io/istio/pkg/log"
)

// TestMain keeps Istio's log, which is long, out of the output.
func TestMain(m *testing.M) {
	for _, scope := range istiolog.Scopes() {
		scope.SetOutputLevel(istiolog.NoneLevel)
	}
	os.Exit(m.Run())
}
