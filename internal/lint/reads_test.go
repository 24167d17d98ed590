package lint_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/lint/all"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/test/golden"
)

// TestReads looks at each world of a check without the objects of the kinds that the check did not ask the view for: what it finds is
// the same.
func TestReads(t *testing.T) {
	for _, path := range worldsOf(t, "*") {
		inventory := inventoryOf(t, golden.ReadWorld(t, path))
		for _, check := range checksOf(path) {
			if diff := unrecorded(check, inventory); diff != "" {
				t.Errorf("%s: check %s depends on more than it is recorded to read %s", path, check.Name, diff)
			}
		}
	}
}

// TestUnrecordedReadsAreNoticed runs a check that looks at pods behind the record's back, and the same check as it should be.
func TestUnrecordedReadsAreNoticed(t *testing.T) {
	inventory := model.Inventory{Workloads: []*model.Workload{{Namespace: "shop", Example: "web-1", Count: 1}}}
	counting := func(pods func(*mesh.View) []*model.Workload) lint.Check {
		return lint.Check{About: lint.About{Name: "pods"}, Find: func(v *mesh.View) []model.Finding {
			return make([]model.Finding, len(pods(v)))
		}}
	}
	behind := counting(func(v *mesh.View) []*model.Workload { return v.Recording(&mesh.Reads{}).Workloads() })
	if unrecorded(behind, inventory) == "" {
		t.Error("a check that reads pods without a record is not noticed")
	}
	if diff := unrecorded(counting((*mesh.View).Workloads), inventory); diff != "" {
		t.Errorf("a check whose reads are recorded is called one that reads more %s", diff)
	}
}

// unrecorded says how a check's findings change when it sees nothing but the kinds that it is recorded to read; empty: they do not.
func unrecorded(check lint.Check, inventory model.Inventory) string {
	want, kinds := askedBy(check, inventory)
	got, _ := askedBy(check, only(inventory, kinds))
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		return fmt.Sprintf("than %v (-with all +with these):\n%s", sets.List(kinds), diff)
	}
	return ""
}

// askedBy returns what the check finds in the mesh as its control planes see it, and the kinds that it asked for.
func askedBy(check lint.Check, i model.Inventory) ([]model.Finding, sets.Set[string]) {
	var findings []model.Finding
	kinds := sets.New[string]()
	for _, revision := range mesh.Revisions(i) {
		var reads mesh.Reads
		findings = append(findings, lint.Run(mesh.New(i, revision).Recording(&reads), []lint.Check{check})...)
		kinds.Insert(reads.Kinds()...)
	}
	return lint.Ordered(findings), kinds
}

// readsOf returns the kinds that the check asked for in its worlds, in order.
func readsOf(t *testing.T, check lint.Check) []string {
	t.Helper()
	kinds := sets.New[string]()
	for _, path := range worldsOf(t, check.Name) {
		_, asked := askedBy(check, inventoryOf(t, golden.ReadWorld(t, path)))
		kinds = kinds.Union(asked)
	}
	return sets.List(kinds)
}

// only returns the mesh with nothing but the objects of the kinds.
func only(i model.Inventory, kinds sets.Set[string]) model.Inventory {
	for kind, drop := range map[string]func(){
		model.KindAuthorizationPolicy: func() { i.AuthorizationPolicies = nil },
		model.KindConfigMap: func() {
			i.Mesh = model.Mesh{RootNamespace: "istio-system", AutoMTLS: true, TrustDomain: "cluster.local"}
		},
		model.KindDestinationRule:    func() { i.DestinationRules = nil },
		model.KindGateway:            func() { i.Gateways = nil },
		model.KindNamespace:          func() { i.Namespaces = nil },
		model.KindPeerAuthentication: func() { i.PeerAuthentications = nil },
		model.KindPod:                func() { i.Workloads = nil },
		model.KindSecret:             func() { i.Credentials = nil },
		model.KindService:            func() { i.Services = nil },
		model.KindServiceEntry:       func() { i.ServiceEntries = nil },
		model.KindVirtualService:     func() { i.VirtualServices = nil },
		model.KindWorkloadEntry:      func() { i.WorkloadEntries = nil },
		model.KindMutatingWebhook:    func() { i.Webhooks = nil },
		model.KindGatewayAPIGateway:  func() { i.KubernetesGateways = nil },
		model.KindReferenceGrant:     func() { i.ReferenceGrants = nil },
	} {
		if !kinds.Has(kind) {
			drop()
		}
	}
	return i
}

// checksOf returns the checks that a world is for: that of its area, or all in a sane one.
func checksOf(path string) []lint.Check {
	if area(path) == sane {
		return all.Checks()
	}
	return slices.DeleteFunc(all.Checks(), func(c lint.Check) bool { return c.Name != area(path) })
}
