package policies

import (
	"maps"
	"slices"
	"testing"
)

// TestPolicies judges policies on one mesh: one after the other, and while they change. With -short only the rows that stand for the
// others are judged.
func TestPolicies(t *testing.T) {
	w := start(t)
	for area, rows := range map[string]map[string]row{"accept": acceptRows(), "send": sendRows(), "gateway": gatewayRows()} {
		t.Run(area, func(t *testing.T) {
			for _, name := range slices.Sorted(maps.Keys(rows)) {
				if r := rows[name]; r.short || !testing.Short() {
					t.Run(name, func(t *testing.T) { w.judge(t, r) })
				}
			}
		})
	}
	if testing.Short() {
		return
	}
	t.Run("verify", w.verifies)
	t.Run("change without loss", w.changesWithoutLoss)
	t.Run("open connections", w.cutsConnections)
	t.Run("time of a change", w.switches)
}
