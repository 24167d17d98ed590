package routes_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/istio/routes"
)

// virtualService is one of namespace shop.
func virtualService(name string, spec *networkingapi.VirtualService) *istionetworkingv1.VirtualService {
	vs := &istionetworkingv1.VirtualService{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}}
	spec.DeepCopyInto(&vs.Spec)
	return vs
}

func TestGateway(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ name, want string }{
		"a name is one of the own namespace":       {"gw", "shop/gw"},
		"so it is with a dot for the namespace":    {"./gw", "shop/gw"},
		"a namespace before it":                    {"edge/gw", "edge/gw"},
		"a name with dots behind a namespace":      {"edge/gw.v1", "edge/gw.v1"},
		"as in old times, a namespace after a dot": {"gw.edge", "edge/gw"},
		"the same with the domain of Services":     {"gw.edge.svc.cluster.local", "edge/gw"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := routes.Gateway(tc.name, "shop").String(); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestForSidecarsAndGateways(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		gateways              []string
		wantSidecar, wantGate bool
	}{
		"none is for the sidecars": {nil, true, false},
		"mesh alone":               {[]string{"mesh"}, true, false},
		"a Gateway alone":          {[]string{"gw"}, false, true},
		"both":                     {[]string{"gw", "mesh"}, true, true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sidecars, gateways := routes.ForSidecars(tc.gateways), routes.ForGateways(tc.gateways)
			if sidecars != tc.wantSidecar || gateways != tc.wantGate {
				t.Errorf("for sidecars: %t, for gateways: %t", sidecars, gateways)
			}
		})
	}
}

func TestByGateway(t *testing.T) {
	t.Parallel()
	a := virtualService("a", &networkingapi.VirtualService{Gateways: []string{"mesh", "gw", "./gw", "edge/gw"}})
	b := virtualService("b", &networkingapi.VirtualService{Gateways: []string{"gw.edge"}})
	named := routes.ByGateway([]*istionetworkingv1.VirtualService{a, b, virtualService("c", &networkingapi.VirtualService{})})
	got := map[string][]string{}
	for gateway, all := range named {
		for _, vs := range all {
			got[gateway.String()] = append(got[gateway.String()], vs.Name)
		}
	}
	want := map[string][]string{"shop/gw": {"a"}, "edge/gw": {"a", "b"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("by Gateway (-want +got):\n%s", diff)
	}
	if _, mesh := named[types.NamespacedName{Namespace: "shop", Name: "mesh"}]; mesh {
		t.Error("mesh is taken for a Gateway")
	}
}

func TestExportedTo(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		exportTo, defaults []string
		wantOwn, wantOther bool
	}{
		"nothing said":                                {wantOwn: true, wantOther: true},
		"to all":                                      {exportTo: []string{"*"}, wantOwn: true, wantOther: true},
		"to its own namespace":                        {exportTo: []string{"."}, wantOwn: true},
		"to its own namespace by name":                {exportTo: []string{"shop"}, wantOwn: true},
		"to another namespace alone":                  {exportTo: []string{"edge"}, wantOther: true},
		"to nobody":                                   {exportTo: []string{"~"}},
		"nobody goes before namespaces":               {exportTo: []string{"~", ".", "edge"}},
		"all goes before nobody":                      {exportTo: []string{"~", "*"}, wantOwn: true, wantOther: true},
		"the mesh's default, where it says nothing":   {defaults: []string{"."}, wantOwn: true},
		"what it says goes before the mesh's default": {exportTo: []string{"edge"}, defaults: []string{"."}, wantOther: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			vs := virtualService("a", &networkingapi.VirtualService{ExportTo: tc.exportTo})
			own, other := routes.ExportedTo(vs, "shop", tc.defaults), routes.ExportedTo(vs, "edge", tc.defaults)
			if own != tc.wantOwn || other != tc.wantOther {
				t.Errorf("to its own namespace: %t, want %t; to edge: %t, want %t", own, tc.wantOwn, other, tc.wantOther)
			}
		})
	}
}

func TestCommonHosts(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		server, vs, want []string
	}{
		"the same host":                             {[]string{"a.example"}, []string{"a.example"}, []string{"a.example"}},
		"another host":                              {[]string{"a.example"}, []string{"b.example"}, nil},
		"a wildcard of the server covers":           {[]string{"*.example"}, []string{"a.example", "a.other"}, []string{"a.example"}},
		"a wildcard of the VirtualService is wider": {[]string{"a.example"}, []string{"*.example"}, []string{"*.example"}},
		"a short name is a Service":                 {[]string{"*.shop.svc.cluster.local"}, []string{"a"}, []string{"a.shop.svc.cluster.local"}},
		"for VirtualServices of the namespace":      {[]string{"shop/a.example"}, []string{"a.example"}, []string{"a.example"}},
		"for those of another":                      {[]string{"bank/a.example"}, []string{"a.example"}, nil},
		"for those of the Gateway's own":            {[]string{"./a.example"}, []string{"a.example"}, nil},
		"for those of all namespaces":               {[]string{"*/a.example"}, []string{"a.example"}, []string{"a.example"}},
		"everything":                                {[]string{"*/*"}, []string{"a.example"}, []string{"a.example"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			vs := virtualService("a", &networkingapi.VirtualService{Hosts: tc.vs})
			served := routes.Served{Server: &networkingapi.Server{Hosts: tc.server}, Namespace: "edge"}
			if diff := cmp.Diff(tc.want, served.CommonHosts(vs)); diff != "" {
				t.Errorf("hosts in common (-want +got):\n%s", diff)
			}
		})
	}
}
