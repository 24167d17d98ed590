package lint_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/model"
)

// TestReads looks at each world of a check without the objects of the kinds that the check does not say it reads: the answer is the same.
func TestReads(t *testing.T) {
	for _, check := range lint.All() {
		for _, input := range globArea(t, check.Name, inputSuffix) {
			mesh := inventoryOf(t, input)
			want, got := saidBy(check, mesh), saidBy(check, only(mesh, check.Reads))
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s: check %s reads more than it says, %v (-with all +with these):\n%s", input, check.Name, check.Reads, diff)
			}
		}
	}
}

func saidBy(check lint.Check, mesh model.Inventory) []model.Finding {
	return slices.DeleteFunc(lint.Findings(mesh), func(f model.Finding) bool { return f.Check != check.Name })
}

// only is the mesh with nothing but the objects of the kinds.
func only(i model.Inventory, kinds []string) model.Inventory {
	for kind, drop := range map[string]func(){
		model.KindAuthorizationPolicy: func() { i.AuthorizationPolicies = nil },
		model.KindDestinationRule:     func() { i.DestinationRules = nil },
		model.KindGateway:             func() { i.Gateways = nil },
		model.KindNamespace:           func() { i.Namespaces = nil },
		model.KindPeerAuthentication:  func() { i.PeerAuthentications = nil },
		model.KindPod:                 func() { i.Workloads = nil },
		model.KindSecret:              func() { i.Credentials = nil },
		model.KindService:             func() { i.Services = nil },
		model.KindServiceEntry:        func() { i.ServiceEntries = nil },
		model.KindVirtualService:      func() { i.VirtualServices = nil },
		model.KindWorkloadEntry:       func() { i.WorkloadEntries = nil },
	} {
		if !slices.Contains(kinds, kind) {
			drop()
		}
	}
	return i
}
