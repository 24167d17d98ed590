package destinations_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

func service(namespace, name string, ports ...model.ServicePort) model.Service {
	return model.Service{Namespace: namespace, Name: name, Selector: map[string]string{"app": name}, Ports: ports}
}

func entry(namespace, name string, spec *networkingapi.ServiceEntry) *istionetworkingv1.ServiceEntry {
	e := &istionetworkingv1.ServiceEntry{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	spec.DeepCopyInto(&e.Spec)
	return e
}

func pod(namespace, app, name string, ports ...model.ContainerPort) *model.Workload {
	return &model.Workload{Namespace: namespace, Example: name, Count: 1, Labels: map[string]string{"app": app}, Ports: ports}
}

func TestEndpoints(t *testing.T) {
	t.Parallel()
	web := model.ContainerPort{Name: "web", Number: 8080}
	workloads := []*model.Workload{
		pod("shop", "a", "a-1", web), pod("shop", "a", "a-2", model.ContainerPort{Name: "web", Number: 9090}), pod("shop", "a", "a-3"),
		pod("shop", "b", "b-1", web), pod("bank", "a", "other", web),
	}
	byName := service("shop", "a", model.ServicePort{Port: 80, TargetPort: intstr.FromString("web")})
	byNumber := service("shop", "a", model.ServicePort{Port: 80, TargetPort: intstr.FromInt32(8080)})
	unselecting := byNumber
	unselecting.Selector = nil
	selected := &networkingapi.ServiceEntry{
		Hosts: []string{"a.example"}, WorkloadSelector: &networkingapi.WorkloadSelector{Labels: map[string]string{"app": "b"}},
		Ports: []*networkingapi.ServicePort{{Number: 443, TargetPort: 8443}, {Number: 80}},
	}
	tests := map[string]struct {
		destination *destinations.Destination
		want        []string
	}{
		"a target by number is the same for all pods":              {destinations.OfService("", &byNumber), []string{"80: a-1:8080 a-2:8080 a-3:8080"}},
		"a target by name is each pod's, and of none without it":   {destinations.OfService("", &byName), []string{"80: a-1:8080 a-2:9090"}},
		"no pods are behind a Service without a selector":          {destinations.OfService("", &unselecting), []string{"80:"}},
		"a ServiceEntry leads to its targetPort, or to the number": {destinations.OfEntry(entry("shop", "e", selected), "a.example"), []string{"443: b-1:8443", "80: b-1:80"}},
		"no pods are behind a ServiceEntry without a selector": {
			destinations.OfEntry(entry("shop", "e", &networkingapi.ServiceEntry{Ports: []*networkingapi.ServicePort{{Number: 443}}}), "a.example"), []string{"443:"},
		},
		"nor behind a Service of a namespace without any": {
			destinations.OfService("", &model.Service{Namespace: "empty", Name: "a", Selector: byName.Selector, Ports: byName.Ports}), []string{"80:"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			var behind []destinations.Backend
			for _, w := range tc.destination.Backends(pods.ByNamespace(workloads)) {
				behind = append(behind, destinations.Backend{Workload: w})
			}
			for _, port := range tc.destination.Declared {
				line := fmt.Sprintf("%d:", port.Number)
				for _, e := range port.Endpoints(behind) {
					line += fmt.Sprintf(" %s:%d", e.Example, e.Port)
				}
				got = append(got, line)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("endpoints (-want +got):\n%s", diff)
			}
			for _, w := range workloads {
				selects := false
				for _, b := range behind {
					selects = selects || b.Example == w.Example
				}
				if tc.destination.Selects(w) != selects {
					t.Errorf("selects %s: %t, and it is behind: %t", w.Example, !selects, selects)
				}
			}
		})
	}
}

func TestDestination(t *testing.T) {
	t.Parallel()
	one := service("shop", "a", model.ServicePort{Port: 80, Protocol: "HTTP", TargetPort: intstr.FromInt32(8080)})
	outside := one
	outside.External = true
	two := &networkingapi.ServiceEntry{
		Location: networkingapi.ServiceEntry_MESH_INTERNAL,
		Ports:    []*networkingapi.ServicePort{{Number: 443, Protocol: "TLS"}, {Number: 80, Protocol: "HTTP"}},
	}
	tests := map[string]struct {
		destination *destinations.Destination
		// want is the host, whether it is outside the mesh, who declares it, what messages say, the ports, and the only one.
		want string
	}{
		"a Service":                       {destinations.OfService("", &one), "a.shop.svc.cluster.local false Service shop/a, Service shop/a, [80 HTTP] only 80"},
		"a Service that is another name":  {destinations.OfService("", &outside), "a.shop.svc.cluster.local true Service shop/a, Service shop/a, [80 HTTP] only 80"},
		"a ServiceEntry of mesh machines": {destinations.OfEntry(entry("shop", "e", two), "a.example"), "a.example false ServiceEntry shop/e, a.example, [443 TLS 80 HTTP] only 0"},
		"a ServiceEntry of the outside":   {destinations.OfEntry(entry("shop", "e", &networkingapi.ServiceEntry{}), "a.example"), "a.example true ServiceEntry shop/e, a.example, [] only 0"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := tc.destination
			ports := []string{}
			for i, p := range d.Declared {
				ports = append(ports, fmt.Sprint(p.Number), p.Protocol)
				if found, has := d.Port(p.Number); !has || found != p || d.Ports[i] != p.Number {
					t.Errorf("port %d is not found, or not among the host's", p.Number)
				}
			}
			only, _ := d.OnlyPort()
			if got := fmt.Sprintf("%s %t %s, %s, %v only %d", d.Name, d.External, d.Ref(), d, ports, only.Number); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
			if _, has := d.Port(1); has {
				t.Error("it has a port that nobody declared")
			}
		})
	}
}

func TestExportedTo(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		exportTo []string
		want     string
	}{
		"nothing said":         {nil, "shop bank"},
		"to all":               {[]string{"*"}, "shop bank"},
		"to its own namespace": {[]string{"."}, "shop"},
		"by name":              {[]string{"bank"}, "bank"},
		"to both":              {[]string{".", "bank"}, "shop bank"},
		"to nobody":            {[]string{"~"}, ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := destinations.OfEntry(entry("shop", "e", &networkingapi.ServiceEntry{ExportTo: tc.exportTo}), "a.example")
			got := ""
			for _, namespace := range []string{"shop", "bank"} {
				if d.ExportedTo(namespace) {
					got += " " + namespace
				}
			}
			if tc.want != "" {
				tc.want = " " + tc.want
			}
			if got != tc.want {
				t.Errorf("seen by%s, want%s", got, tc.want)
			}
		})
	}
	own := service("shop", "a")
	if !destinations.OfService("", &own).ExportedTo("bank") {
		t.Error("a Service is not seen by clients of another namespace")
	}
}

func TestCalled(t *testing.T) {
	t.Parallel()
	behind := []*model.Workload{pod("shop", "a", "a-1")}
	headless := service("shop", "a", model.ServicePort{Port: 80, Protocol: "HTTP"})
	headless.Headless = true
	d := destinations.OfService("", &headless)
	called := d.Called(d.Declared[0], behind, nil)
	want := istio.Destination{Host: d.Host, Port: 80, Protocol: "HTTP", Headless: true, Endpoints: behind}
	if diff := cmp.Diff(want, called); diff != "" {
		t.Errorf("a headless Service (-want +got):\n%s", diff)
	}
	for resolution, unlisted := range map[networkingapi.ServiceEntry_Resolution]bool{
		networkingapi.ServiceEntry_NONE: true, networkingapi.ServiceEntry_STATIC: false, networkingapi.ServiceEntry_DNS: false,
	} {
		d = destinations.OfEntry(entry("shop", "e", &networkingapi.ServiceEntry{
			Ports: []*networkingapi.ServicePort{{Number: 443, Protocol: "TLS"}}, Resolution: resolution,
		}), "a.example")
		want = istio.Destination{Host: d.Host, Port: 443, Protocol: "TLS", Headless: unlisted, Endpoints: behind}
		if diff := cmp.Diff(want, d.Called(d.Declared[0], behind, nil)); diff != "" {
			t.Errorf("a ServiceEntry of resolution %s (-want +got):\n%s", resolution, diff)
		}
	}
}
