package lint_test

import (
	"testing"

	"github.com/meshtls/meshtls/internal/lint/all"
	"github.com/meshtls/meshtls/test/golden"
)

// TestGatewaysOfPartialInventory wants silence of the checks that argue from what is not there, in the very worlds in which they speak.
func TestGatewaysOfPartialInventory(t *testing.T) {
	for _, check := range []string{
		"gateway-redirect-leads-nowhere", "gateway-redirect-without-route", "gateway-selects-no-pods", "virtualservice-gateway-not-found",
	} {
		t.Run(check, func(t *testing.T) {
			paths := worldsOf(t, check)
			if len(paths) == 0 {
				t.Fatal("there are no worlds")
			}
			for _, path := range paths {
				mesh := inventoryOf(t, golden.ReadWorld(t, path))
				mesh.Partial = true
				for _, f := range all.Findings(mesh) {
					if f.Check == check {
						t.Errorf("%s: speaks of what may be there all the same: %s", path, f.Message)
					}
				}
			}
		})
	}
}
