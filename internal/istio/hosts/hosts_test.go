package hosts_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshtls/meshtls/internal/istio/hosts"
)

func TestQualify(t *testing.T) {
	tests := map[string]struct{ host, want string }{
		"a short name is a Service of the namespace":     {"payments", "payments.shop.svc.cluster.local"},
		"a name with a dot stands as it is":              {"payments.bank", "payments.bank"},
		"a fully qualified name stands as it is":         {"payments.bank.svc.cluster.local", "payments.bank.svc.cluster.local"},
		"a wildcard stands as it is":                     {"*.example.com", "*.example.com"},
		"the wildcard for everything stands as it is":    {"*", "*"},
		"a name of the world outside stands as it is":    {"api.partner.example", "api.partner.example"},
		"an address of the world outside stands as well": {"10.0.0.1", "10.0.0.1"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := hosts.Default.Qualify(tc.host, "shop"); got != tc.want {
				t.Errorf("Qualify(%q): got %q, want %q", tc.host, got, tc.want)
			}
		})
	}
}

func TestService(t *testing.T) {
	type service struct {
		Namespace, Name string
		OK              bool
	}
	tests := map[string]struct {
		host string
		want service
	}{
		"a Service":                        {"payments.shop.svc.cluster.local", service{"shop", "payments", true}},
		"a pod of a headless Service":      {"db-0.db.shop.svc.cluster.local", service{}},
		"a wildcard":                       {"*.shop.svc.cluster.local", service{}},
		"a name outside the cluster":       {"payments.shop.example", service{}},
		"the domain of Services by itself": {"shop.svc.cluster.local", service{}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var got service
			if namespace, name, ok := hosts.Default.Service(tc.host); ok {
				got = service{namespace, name, ok}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("Service(%q) (-want +got):\n%s", tc.host, diff)
			}
		})
	}
}

func TestServicesNamespace(t *testing.T) {
	tests := map[string]struct {
		wildcard, want string
	}{
		"the Services of a namespace":      {"*.shop.svc.cluster.local", "shop"},
		"the Services of every namespace":  {"*.svc.cluster.local", ""},
		"the pods of a headless Service":   {"*.db.shop.svc.cluster.local", ""},
		"names outside the cluster":        {"*.example.com", ""},
		"one Service is not a namespace's": {"db.shop.svc.cluster.local", ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, ok := hosts.Default.ServicesNamespace(tc.wildcard)
			if !ok {
				got = ""
			}
			if got != tc.want || ok != (tc.want != "") {
				t.Errorf("ServicesNamespace(%q): got %q, %t, want %q", tc.wildcard, got, ok, tc.want)
			}
		})
	}
}

func TestWildcards(t *testing.T) {
	tests := map[string]struct {
		host string
		want []string
	}{
		"a name":                      {"api.partner.example", []string{"*.partner.example", "*.example", "*"}},
		"a wildcard":                  {"*.partner.example", []string{"*.example", "*"}},
		"a name without a domain":     {"partner", []string{"*"}},
		"nothing covers the widest":   {"*", nil},
		"a wildcard of the top level": {"*.example", []string{"*"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got := hosts.Wildcards(tc.host)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("Wildcards(%q) (-want +got):\n%s", tc.host, diff)
			}
			for _, wildcard := range got {
				if !hosts.Covers(wildcard, tc.host) {
					t.Errorf("Covers(%q, %q): got false, want true", wildcard, tc.host)
				}
			}
		})
	}
}

func TestCovers(t *testing.T) {
	tests := map[string]struct {
		wildcard, host string
		want           bool
	}{
		"a name below it":               {"*.partner.example", "api.partner.example", true},
		"a name far below it":           {"*.example", "api.partner.example", true},
		"a wildcard below it":           {"*.example", "*.partner.example", true},
		"the widest covers a wildcard":  {"*", "*.example", true},
		"the domain itself is not":      {"*.partner.example", "partner.example", false},
		"it does not cover itself":      {"*.partner.example", "*.partner.example", false},
		"nor a wildcard above it":       {"*.partner.example", "*.example", false},
		"nor a name that ends alike":    {"*.partner.example", "otherpartner.example", false},
		"a name covers nothing":         {"api.partner.example", "api.partner.example", false},
		"another domain is not covered": {"*.partner.example", "api.partner.test", false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := hosts.Covers(tc.wildcard, tc.host); got != tc.want {
				t.Errorf("Covers(%q, %q): got %t, want %t", tc.wildcard, tc.host, got, tc.want)
			}
		})
	}
}

func TestOverlap(t *testing.T) {
	tests := map[string]struct {
		a, b string
		want bool
	}{
		"the same":                        {"a.example", "a.example", true},
		"a wildcard and a name below":     {"*.example", "a.example", true},
		"a wildcard and a narrower one":   {"*.example", "*.a.example", true},
		"a wildcard and a name beside":    {"*.example", "a.other", false},
		"a wildcard and its own parent":   {"*.example", "example", false},
		"everything and anything":         {"*", "a.example", true},
		"two names":                       {"a.example", "b.example", false},
		"two wildcards beside each other": {"*.a.example", "*.b.example", false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if hosts.Overlap(tc.a, tc.b) != tc.want || hosts.Overlap(tc.b, tc.a) != tc.want {
				t.Errorf("%s and %s do not overlap as wanted: %t", tc.a, tc.b, tc.want)
			}
		})
	}
}
