package destinations_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/model"
)

func index() destinations.Index {
	const ofService = "a.shop.svc.cluster.local"
	return destinations.NewIndex(model.Inventory{
		Services: []model.Service{service("shop", "b"), service("shop", "a"), service("bank", "a")},
		ServiceEntries: []*istionetworkingv1.ServiceEntry{
			entry("bank", "same", &networkingapi.ServiceEntry{Hosts: []string{ofService, "api.example"}}),
			entry("shop", "own", &networkingapi.ServiceEntry{Hosts: []string{ofService, "*.example"}}),
			entry("shop", "hidden", &networkingapi.ServiceEntry{Hosts: []string{"api.example"}, ExportTo: []string{"."}}),
		},
	})
}

func refs(found []*destinations.Destination) []string {
	all := []string{}
	for _, d := range found {
		all = append(all, d.Ref().String())
	}
	return all
}

func TestIndexUnder(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		host string
		want []string
	}{
		"a host is itself, as often as it is declared": {"a.shop.svc.cluster.local", []string{"Service shop/a", "ServiceEntry bank/same", "ServiceEntry shop/own"}},
		"a host that nothing declares":                 {"c.shop.svc.cluster.local", []string{}},
		"a wildcard covers Services in order of host":  {"*.shop.svc.cluster.local", []string{"Service shop/a", "ServiceEntry bank/same", "ServiceEntry shop/own", "Service shop/b"}},
		"a wildcard that is declared is itself too":    {"*.example", []string{"ServiceEntry shop/own", "ServiceEntry bank/same", "ServiceEntry shop/hidden"}},
		"a narrower wildcard covers no wider one":      {"*.api.example", []string{}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, refs(index().Under(tc.host))); diff != "" {
				t.Errorf("destinations (-want +got):\n%s", diff)
			}
		})
	}
}

func TestIndexVisible(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		host, client string
		want         []string
	}{
		"the client's own go first, of these a Service's": {"a.shop.svc.cluster.local", "shop", []string{"Service shop/a", "ServiceEntry shop/own", "ServiceEntry bank/same"}},
		"its own ServiceEntry goes before others' Service": {
			"a.shop.svc.cluster.local", "bank", []string{"ServiceEntry bank/same", "Service shop/a", "ServiceEntry shop/own"},
		},
		"others go by namespace":                {"a.shop.svc.cluster.local", "web", []string{"Service shop/a", "ServiceEntry bank/same", "ServiceEntry shop/own"}},
		"what is not exported is not seen":      {"api.example", "web", []string{"ServiceEntry bank/same"}},
		"but in its namespace, where it counts": {"api.example", "shop", []string{"ServiceEntry shop/hidden", "ServiceEntry bank/same"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, refs(index().Visible(tc.host, tc.client))); diff != "" {
				t.Errorf("destinations (-want +got):\n%s", diff)
			}
		})
	}
}

func TestIndexAll(t *testing.T) {
	t.Parallel()
	want := []string{
		"ServiceEntry shop/own", "Service bank/a", "Service shop/a", "ServiceEntry bank/same", "ServiceEntry shop/own",
		"ServiceEntry bank/same", "ServiceEntry shop/hidden", "Service shop/b",
	}
	if diff := cmp.Diff(want, refs(index().All())); diff != "" {
		t.Errorf("destinations (-want +got):\n%s", diff)
	}
	hosts := []string{"*.example", "a.bank.svc.cluster.local", "a.shop.svc.cluster.local", "api.example", "b.shop.svc.cluster.local"}
	if diff := cmp.Diff(hosts, index().Hosts()); diff != "" {
		t.Errorf("hosts (-want +got):\n%s", diff)
	}
}
