package lint_test

import (
	"testing"

	"github.com/meshtls/meshtls/internal/lint/all"
)

// TestGatewaysOfPartialInventory wants silence of the checks that argue from what is not there, in the very worlds in which they speak.
func TestGatewaysOfPartialInventory(t *testing.T) {
	for _, check := range []string{
		"gateway-redirect-leads-nowhere", "gateway-redirect-without-route", "gateway-selects-no-pods", "virtualservice-gateway-not-found",
	} {
		t.Run(check, func(t *testing.T) {
			inputs := globArea(t, check, inputSuffix)
			if len(inputs) == 0 {
				t.Fatal("there are no worlds")
			}
			for _, input := range inputs {
				mesh := inventoryOf(t, input)
				mesh.Partial = true
				for _, f := range all.Findings(mesh) {
					if f.Check == check {
						t.Errorf("%s: speaks of what may be there all the same: %s", input, f.Message)
					}
				}
			}
		})
	}
}
