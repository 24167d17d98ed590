package gatewayapi

import (
	"fmt"
	random "math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiomodel "istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/pkg/networking/core"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/host"
	"istio.io/istio/pkg/config/protocol"
	"istio.io/istio/pkg/config/schema/gvk"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/gatewayapi"
	"github.com/meshtls/meshtls/internal/model"
)

// place is the namespace of the pods that are looked at, address theirs.
const (
	place   = "edge"
	address = "1.1.1.1"
)

// selector is what the pods, their Services and the Gateways of Istio's go by.
var selector = map[string]string{"app": "gateway"}

// TestMerge compares which servers are open at the pods of random worlds, where Gateways of Istio's select the pods too.
func TestMerge(t *testing.T) {
	open, dropped := 0, map[istio.DropReason]int{}
	for seed := range uint64(randomWorlds) {
		d := drawn{random.New(random.NewPCG(seed, 17))}
		w, gateways, services := d.world(), d.gateways(), d.services()
		merged := istio.New(istio.World{
			Gateways: gateways, Services: services, Listeners: gatewayapi.Listeners(model.Inventory{
				KubernetesGateways: w.gateways, ReferenceGrants: w.grants, Namespaces: namespaces,
			}),
		}).Listeners(&model.Workload{Namespace: place, Labels: selector, Gateway: true, Dataplane: model.DataplaneSidecar})
		got := map[string][]string{}
		for _, l := range merged.Listeners {
			for _, s := range l.Servers {
				note(got, l.Port, s.Key().String())
				open++
			}
		}
		for _, out := range merged.Dropped {
			dropped[out.Reason]++
		}
		if diff := cmp.Diff(openedByIstio(t, w, gateways, services), got); diff != "" {
			t.Errorf("seed %d (-Istio +ours):\n%s", seed, diff)
		}
	}
	if open == 0 || dropped[istio.DropManaged] == 0 || dropped[istio.DropHost] == 0 {
		t.Errorf("the worlds are too much alike: %d servers are open, dropped are %v", open, dropped)
	}
}

// note takes down that a Gateway has a server at the port.
func note(open map[string][]string, port int32, gateway string) {
	at := fmt.Sprint(port)
	open[at] = append(open[at], gateway)
	slices.Sort(open[at])
}

// openedByIstio returns the Gateways that have servers at the ports of the pods, as Istio merges them.
func openedByIstio(t *testing.T, w world, gateways []*istionetworkingv1.Gateway, services []model.Service) map[string][]string {
	t.Helper()
	configs := converted(t, w.objects(t))
	for _, g := range gateways {
		configs = append(configs, config.Config{
			Meta: config.Meta{GroupVersionKind: gvk.Gateway, Namespace: g.Namespace, Name: g.Name, CreationTimestamp: g.CreationTimestamp.Time},
			Spec: &g.Spec,
		})
	}
	options := core.TestOptions{Configs: configs}
	for _, s := range services {
		service := &istiomodel.Service{
			Hostname:   host.Name(s.Name + "." + s.Namespace + ".svc." + domain),
			Attributes: istiomodel.ServiceAttributes{Namespace: s.Namespace, Name: s.Name, LabelSelectors: s.Selector},
		}
		for _, p := range s.Ports {
			port := &istiomodel.Port{Name: p.Name, Port: int(p.Port), Protocol: protocol.TCP}
			service.Ports = append(service.Ports, port)
			endpoint := &istiomodel.IstioEndpoint{
				Addresses: []string{address}, EndpointPort: uint32(p.TargetPort.IntVal), ServicePortName: p.Name,
			}
			options.Instances = append(options.Instances, &istiomodel.ServiceInstance{Service: service, ServicePort: port, Endpoint: endpoint})
		}
		options.Services = append(options.Services, service)
	}
	proxy := core.NewConfigGenTest(t, options).SetupProxy(&istiomodel.Proxy{
		Type: istiomodel.Router, ConfigNamespace: place, Labels: selector, IPAddresses: []string{address},
		Metadata: &istiomodel.NodeMetadata{Namespace: place, Labels: selector},
	})
	open := map[string][]string{}
	if proxy.MergedGateway == nil {
		return open
	}
	for port, merged := range proxy.MergedGateway.MergedServers {
		for _, s := range merged.Servers {
			note(open, int32(port.Number), proxy.MergedGateway.GatewayNameForServer[s])
		}
	}
	return open
}

// gateways are Istio's, in the pods' namespace and in another.
func (d drawn) gateways() []*istionetworkingv1.Gateway {
	var all []*istionetworkingv1.Gateway
	for i := range d.IntN(3) {
		g := &istionetworkingv1.Gateway{ObjectMeta: metav1.ObjectMeta{
			Namespace: pick(d, place, "shop"), Name: []string{"x", "y", "z"}[i], CreationTimestamp: metav1.Unix(int64(1000+d.IntN(3)), 0),
		}}
		g.Spec.Selector = selector
		g.Spec.Servers = append(g.Spec.Servers, &networkingapi.Server{
			Port:  &networkingapi.Port{Number: pick(d, uint32(80), 443), Name: "https", Protocol: "HTTPS"},
			Hosts: []string{pick(d, "edge/", "*/", "") + pick(d, "a.example.com", "*.example.com")},
			Tls:   &networkingapi.ServerTLSSettings{Mode: networkingapi.ServerTLSSettings_SIMPLE, CredentialName: "web"},
		})
		all = append(all, g)
	}
	return all
}

// services are those of the pods: some of the names by which Kubernetes Gateways know theirs.
func (d drawn) services() []model.Service {
	var all []model.Service
	for _, name := range []string{"ingress", "one-istio", "other", "two-istio"} {
		if d.IntN(4) == 0 {
			continue
		}
		s := model.Service{Namespace: place, Name: name, Selector: selector}
		shift := pick(d, int32(0), 8000)
		for _, port := range []int32{80, 443, 15443} {
			if d.IntN(5) > 0 {
				s.Ports = append(s.Ports, model.ServicePort{Name: fmt.Sprintf("p%d", port), Port: port, TargetPort: intstr.FromInt32(port + shift)})
			}
		}
		all = append(all, s)
	}
	return all
}
