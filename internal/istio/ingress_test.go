package istio

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/meshtls/meshtls/internal/model"
)

func ingress(class *string, name *string, tls ...networkingv1.IngressTLS) *networkingv1.Ingress {
	i := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"}}
	if class != nil {
		i.Annotations = map[string]string{model.AnnotationIngressClass: *class}
	}
	i.Spec.IngressClassName, i.Spec.TLS = name, tls
	return i
}

func TestIngressGateways(t *testing.T) {
	const plain = "http-80-ingress-web-shop HTTP 80 [*] "
	tests := map[string]struct {
		mode    model.IngressMode
		ingress *networkingv1.Ingress
		want    string
	}{
		"of no class":                             {mode: model.IngressStrict, ingress: ingress(nil, nil)},
		"of no class, where that is Istio's":      {mode: model.IngressDefault, ingress: ingress(nil, nil), want: plain},
		"of Istio's class, in the old way":        {mode: model.IngressStrict, ingress: ingress(ptr.To("istio"), nil), want: plain},
		"of another class":                        {mode: model.IngressDefault, ingress: ingress(ptr.To("nginx"), nil)},
		"none are served":                         {mode: model.IngressOff, ingress: ingress(ptr.To("istio"), nil)},
		"of a class of Istio's":                   {mode: model.IngressOff, ingress: ingress(nil, ptr.To("mesh")), want: plain},
		"of a class of somebody else's":           {mode: model.IngressDefault, ingress: ingress(nil, ptr.To("other"))},
		"of a class that is not there":            {mode: model.IngressStrict, ingress: ingress(nil, ptr.To("nothing"))},
		"of one that is not there, with no other": {mode: model.IngressDefault, ingress: ingress(nil, ptr.To("nothing")), want: plain},
		"with TLS": {
			mode:    model.IngressDefault,
			ingress: ingress(nil, nil, networkingv1.IngressTLS{Hosts: []string{"a.example"}, SecretName: "cert"}, networkingv1.IngressTLS{}, networkingv1.IngressTLS{SecretName: "all"}),
			want:    "https-443-ingress-web-shop-0 HTTPS 443 [a.example] cert, https-443-ingress-web-shop-2 HTTPS 443 [*] all, " + plain,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var servers []string
			for _, g := range IngressGateways(model.Inventory{
				Mesh:           model.Mesh{Ingress: model.IngressSettings{Mode: tc.mode, Class: "istio", Namespace: "istio-system"}},
				Ingresses:      []*networkingv1.Ingress{tc.ingress},
				IngressClasses: []model.IngressClass{{Name: "mesh", Controller: "istio.io/ingress-controller"}, {Name: "other", Controller: "x"}},
			}) {
				for _, s := range g.Spec.Servers {
					servers = append(servers, fmt.Sprintf("%s %s %d %v %s", s.Port.Name, s.Port.Protocol, s.Port.Number, s.Hosts, s.Tls.GetCredentialName()))
				}
				if want := map[string]string{"istio": "ingressgateway"}; g.Namespace != "istio-system" || g.Spec.Selector["istio"] != want["istio"] {
					t.Errorf("Gateway of %s for %v, want one of istio-system for %v", g.Namespace, g.Spec.Selector, want)
				}
			}
			if got := strings.Join(servers, ", "); got != tc.want {
				t.Errorf("servers:\n got %s\nwant %s", got, tc.want)
			}
		})
	}
}

func TestIngressServersAreOldest(t *testing.T) {
	own := server(443, "HTTPS", "a.example")
	i := model.Inventory{
		Mesh:      model.Mesh{RootNamespace: rootNamespace, Ingress: model.IngressSettings{Mode: model.IngressDefault, Namespace: rootNamespace, Selector: "edge"}},
		Ingresses: []*networkingv1.Ingress{ingress(nil, nil, networkingv1.IngressTLS{Hosts: []string{"a.example"}, SecretName: "cert"})},
	}
	i.Gateways = append(i.Gateways, gateway("own", 1, own))
	i.Gateways[0].Spec.Selector = map[string]string{"istio": "edge"}
	got := New(WorldOf(i)).Listeners(&model.Workload{Namespace: "edge", Labels: map[string]string{"istio": "edge"}})
	if len(got.Dropped) != 1 || got.Dropped[0].By.Ref() != (model.ObjectRef{Kind: model.KindIngress, Namespace: "shop", Name: "web"}) {
		t.Errorf("dropped: %v, want the younger Gateway's server, by Ingress shop/web", got.Dropped)
	}
}

func TestPortsOfGateways(t *testing.T) {
	translating := []model.ServicePort{{Port: 443, TargetPort: intstr.FromInt32(8443)}}
	tests := map[string]struct {
		pod     model.Workload
		service model.Service
		want    []int32
		dropped bool
	}{
		"as the Gateway says":               {want: []int32{443}},
		"as the Service says":               {service: model.Service{Namespace: "edge", Selector: map[string]string{"istio": "edge"}, Ports: translating}, want: []int32{8443}},
		"of a Service that does not say it": {service: model.Service{Namespace: "edge", Selector: map[string]string{"istio": "edge"}, Ports: translating, Untranslated: true}, want: []int32{443}},
		"the pods may not open it":          {pod: model.Workload{Unprivileged: true}, dropped: true},
		"the pods may open the Service's":   {pod: model.Workload{Unprivileged: true}, service: model.Service{Namespace: "edge", Selector: map[string]string{"istio": "edge"}, Ports: translating}, want: []int32{8443}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			g := gateway("g", 1, server(443, "HTTPS", "a.example"))
			g.Spec.Selector = map[string]string{"istio": "edge"}
			w := World{Mesh: model.Mesh{RootNamespace: rootNamespace}, Services: []model.Service{tc.service}}
			w.Gateways = append(w.Gateways, g)
			tc.pod.Namespace, tc.pod.Labels = "edge", map[string]string{"istio": "edge"}
			listeners := New(w).Listeners(&tc.pod)
			var got []int32
			for _, l := range listeners.Listeners {
				got = append(got, l.Port)
			}
			if !slices.Equal(got, tc.want) || len(listeners.Dropped) > 0 != tc.dropped {
				t.Errorf("ports %v, dropped %v; want %v, some dropped: %v", got, listeners.Dropped, tc.want, tc.dropped)
			}
			if tc.dropped && listeners.Dropped[0].Reason != DropPrivileged {
				t.Errorf("reason: got %s, want %s", listeners.Dropped[0].Reason, DropPrivileged)
			}
		})
	}
}
