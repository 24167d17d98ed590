package scopes_test

import (
	"slices"
	"testing"
	"time"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshtls/meshtls/internal/istio/scopes"
	"github.com/meshtls/meshtls/internal/model"
)

// sidecar is one of a namespace, so many hours old, for pods with the label app; empty: for all.
func sidecar(namespace, name string, age int, app string) *istionetworkingv1.Sidecar {
	s := &istionetworkingv1.Sidecar{ObjectMeta: metav1.ObjectMeta{
		Namespace: namespace, Name: name, CreationTimestamp: metav1.NewTime(time.Unix(1e9, 0).Add(-time.Duration(age) * time.Hour)),
	}}
	if app != "" {
		s.Spec.WorkloadSelector = &networkingapi.WorkloadSelector{Labels: map[string]string{"app": app}}
	}
	return s
}

func TestSidecarOf(t *testing.T) {
	tests := map[string]struct {
		all  []*istionetworkingv1.Sidecar
		want string
	}{
		"none":                                   {},
		"of the namespace":                       {[]*istionetworkingv1.Sidecar{sidecar("shop", "a", 1, "")}, "a"},
		"the oldest":                             {[]*istionetworkingv1.Sidecar{sidecar("shop", "a", 1, ""), sidecar("shop", "b", 2, "")}, "b"},
		"one for the pods goes before":           {[]*istionetworkingv1.Sidecar{sidecar("shop", "a", 2, ""), sidecar("shop", "b", 1, "web")}, "b"},
		"one for others does not":                {[]*istionetworkingv1.Sidecar{sidecar("shop", "a", 2, ""), sidecar("shop", "b", 1, "db")}, "a"},
		"the root namespace's":                   {[]*istionetworkingv1.Sidecar{sidecar("root", "a", 1, "")}, "a"},
		"not the root namespace's for its pods":  {[]*istionetworkingv1.Sidecar{sidecar("root", "a", 1, "web")}, ""},
		"the root's where the own is for others": {[]*istionetworkingv1.Sidecar{sidecar("root", "a", 1, ""), sidecar("shop", "b", 1, "db")}, "a"},
		"not another namespace's":                {[]*istionetworkingv1.Sidecar{sidecar("bank", "a", 1, "")}, ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got := ""
			if s := scopes.NewSidecars(model.Mesh{RootNamespace: "root"}, tc.all).Of("shop", map[string]string{"app": "web"}); s != nil {
				got = s.Name
			}
			if got != tc.want {
				t.Errorf("Sidecar: got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestImports(t *testing.T) {
	const api = "api.bank.svc.cluster.local"
	listener := func(port uint32, protocol string, hosts ...string) *networkingapi.IstioEgressListener {
		l := &networkingapi.IstioEgressListener{Hosts: hosts}
		if port > 0 {
			l.Port = &networkingapi.SidecarPort{Number: port, Protocol: protocol}
		}
		return l
	}
	tests := map[string]struct {
		egress []*networkingapi.IstioEgressListener
		port   int32
		want   bool
	}{
		"no egress is all":                         {want: true},
		"all of everywhere":                        {egress: []*networkingapi.IstioEgressListener{listener(0, "", "*/*")}, want: true},
		"all of the namespace":                     {egress: []*networkingapi.IstioEgressListener{listener(0, "", "bank/*")}, want: true},
		"the host":                                 {egress: []*networkingapi.IstioEgressListener{listener(0, "", "bank/"+api)}, want: true},
		"the host of everywhere":                   {egress: []*networkingapi.IstioEgressListener{listener(0, "", "*/"+api)}, want: true},
		"a wildcard above the host":                {egress: []*networkingapi.IstioEgressListener{listener(0, "", "*/*.bank.svc.cluster.local")}, want: true},
		"another host":                             {egress: []*networkingapi.IstioEgressListener{listener(0, "", "bank/db.bank.svc.cluster.local")}},
		"another namespace":                        {egress: []*networkingapi.IstioEgressListener{listener(0, "", "./*", "istio-system/*")}},
		"the own namespace, which is another":      {egress: []*networkingapi.IstioEgressListener{listener(0, "", "./*")}},
		"in the second listener":                   {egress: []*networkingapi.IstioEgressListener{listener(0, "", "./*"), listener(0, "", "bank/*")}, want: true},
		"at the port":                              {egress: []*networkingapi.IstioEgressListener{listener(80, "HTTP", "bank/*")}, port: 80, want: true},
		"at another port":                          {egress: []*networkingapi.IstioEgressListener{listener(81, "HTTP", "bank/*")}, port: 80},
		"a proxy for HTTP is for all ports":        {egress: []*networkingapi.IstioEgressListener{listener(81, "HTTP_PROXY", "bank/*")}, port: 80, want: true},
		"excluded":                                 {egress: []*networkingapi.IstioEgressListener{listener(0, "", "*/*", "~bank/"+api)}},
		"excluded everywhere":                      {egress: []*networkingapi.IstioEgressListener{listener(0, "", "bank/*", "~/*.svc.cluster.local")}},
		"another one is excluded":                  {egress: []*networkingapi.IstioEgressListener{listener(0, "", "bank/*", "~bank/db.bank.svc.cluster.local")}, want: true},
		"excluded in one listener, not in another": {egress: []*networkingapi.IstioEgressListener{listener(0, "", "*/*", "~bank/*"), listener(0, "", "bank/*")}, want: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s := sidecar("shop", "a", 1, "")
			s.Spec.Egress = tc.egress
			if got := scopes.ScopeOf(s, "shop").Imports(api, "bank", tc.port); got != tc.want {
				t.Errorf("imports: got %v, want %v", got, tc.want)
			}
		})
	}
	if !scopes.ScopeOf(nil, "shop").Imports(api, "bank", 80) {
		t.Error("without a Sidecar the host is not known")
	}
}

func TestImportsRoutes(t *testing.T) {
	s := sidecar("shop", "a", 1, "")
	s.Spec.Egress = []*networkingapi.IstioEgressListener{{Hosts: []string{"bank/a.example", "~bank/c.example"}}}
	for host, want := range map[string]bool{"a.example": true, "b.example": false, "*.example": true, "c.example": false} {
		if got := scopes.ScopeOf(s, "shop").ImportsRoutes(host, "bank"); got != want {
			t.Errorf("routes of %s: got %v, want %v", host, got, want)
		}
	}
}

func TestOutbound(t *testing.T) {
	mesh := model.Mesh{Outbound: model.OutboundAllowAny}
	own := sidecar("shop", "a", 1, "")
	own.Spec.OutboundTrafficPolicy = &networkingapi.OutboundTrafficPolicy{Mode: networkingapi.OutboundTrafficPolicy_REGISTRY_ONLY}
	for name, tc := range map[string]struct {
		sidecar *istionetworkingv1.Sidecar
		want    model.OutboundMode
	}{
		"no Sidecar":               {nil, model.OutboundAllowAny},
		"a Sidecar without a word": {sidecar("shop", "a", 1, ""), model.OutboundAllowAny},
		"a Sidecar that says it":   {own, model.OutboundRegistryOnly},
	} {
		if got := scopes.Outbound(tc.sidecar, mesh); got != tc.want {
			t.Errorf("%s: got %s, want %s", name, got, tc.want)
		}
	}
}

func TestDiscovered(t *testing.T) {
	on := metav1.LabelSelector{MatchLabels: map[string]string{"istio": "on"}}
	invalid := metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Like"}}}
	tests := map[string]struct {
		selectors []metav1.LabelSelector
		want      []string
	}{
		"no selector":        {want: []string{"bank", "shop"}},
		"one":                {selectors: []metav1.LabelSelector{on}, want: []string{"shop"}},
		"one that fits none": {selectors: []metav1.LabelSelector{{MatchLabels: map[string]string{"a": "b"}}}},
		"one of two fits":    {selectors: []metav1.LabelSelector{{MatchLabels: map[string]string{"a": "b"}}, on}, want: []string{"shop"}},
		"an invalid one":     {selectors: []metav1.LabelSelector{on, invalid}, want: []string{"bank", "shop"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			i := model.Inventory{
				Mesh:       model.Mesh{DiscoverySelectors: tc.selectors},
				Namespaces: []model.Namespace{{Name: "bank"}, {Name: "shop", Labels: map[string]string{"istio": "on"}}},
				Services:   []model.Service{{Namespace: "bank"}, {Namespace: "shop"}},
				Sidecars:   []*istionetworkingv1.Sidecar{sidecar("bank", "a", 1, ""), sidecar("shop", "a", 1, "")},
			}
			discovered := scopes.Discovered(i)
			var services, objects []string
			for _, s := range discovered.Services {
				services = append(services, s.Namespace)
			}
			for _, s := range discovered.Sidecars {
				objects = append(objects, s.Namespace)
			}
			if !slices.Equal(services, tc.want) || !slices.Equal(objects, tc.want) {
				t.Errorf("namespaces of Services %v and objects %v, want %v", services, objects, tc.want)
			}
			if got := scopes.Sees(i.Mesh, i.Namespaces[1].Labels); got != slices.Contains(tc.want, "shop") {
				t.Errorf("shop is seen: %v, want it to be as its objects", got)
			}
			if len(i.Services) != 2 {
				t.Error("the inventory was changed")
			}
		})
	}
}
