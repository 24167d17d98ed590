package policies

import (
	"maps"
	"slices"
	"testing"
)

// TestTable judges every row.
func TestTable(t *testing.T) {
	w := start(t)
	for area, rows := range map[string]map[string]row{"accept": acceptRows(), "send": sendRows(), "gateway": gatewayRows()} {
		t.Run(area, func(t *testing.T) {
			for _, name := range slices.Sorted(maps.Keys(rows)) {
				t.Run(name, func(t *testing.T) { w.judge(t, rows[name]) })
			}
		})
	}
}
