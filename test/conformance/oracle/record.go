package oracle

import (
	"fmt"
	"testing"

	"github.com/meshtls/meshtls/internal/versions"
	"github.com/meshtls/meshtls/test/runs"
)

// Record puts a part of the tests, with what it comprised, on record as run against the Istio that judges.
func Record(t *testing.T, part, extent string, counts ...any) {
	t.Helper()
	runs.Record(t, versions.Run{Istio: Version(), Part: part, Extent: fmt.Sprintf(extent, counts...)})
}
