package importer

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/sets"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// universe is what two worlds are compared over: all that is in the mesh, and what may come, as far as the objects tell of it. A
// selector stands for a pod with its labels, a wildcard for a host below it, and each namespace has pods of which nothing is said.
type universe struct {
	workloads []*model.Workload
	gateways  []*model.Workload
	// clients are those that DestinationRules may tell apart; anyone is one for whom no namespace has rules.
	clients, anyone []istio.Client
	calls           []call
}

// call is a destination with the pods that answer.
type call struct {
	istio.Destination
	servers []destinations.Endpoint
}

// newUniverse looks at the objects that there are before anything is imported: what is rendered speaks of the same.
func (m *original) newUniverse(v *mesh.View) *universe {
	u := &universe{}
	u.addWorkloads(m)
	u.addGateways(m)
	u.addClients(m)
	u.addCalls(m, v)
	return u
}

// sidecar returns a pod that is known by its labels only.
func sidecar(namespace string, labels map[string]string) *model.Workload {
	return &model.Workload{Namespace: namespace, Labels: labels, Dataplane: model.DataplaneSidecar}
}

func (u *universe) addWorkloads(m *original) {
	u.workloads = slices.Clone(m.Workloads)
	ambient := sets.New[string]()
	for _, w := range m.Workloads {
		if w.Dataplane == model.DataplaneAmbient {
			ambient.Insert(w.Namespace)
		}
	}
	add := func(w *model.Workload) {
		u.workloads = append(u.workloads, w)
		if ambient.Has(w.Namespace) {
			u.workloads = append(u.workloads, w.As(model.DataplaneAmbient))
		}
	}
	for _, namespace := range append(m.namespaces(), anyNamespace) {
		add(sidecar(namespace, nil))
	}
	for _, pa := range m.PeerAuthentications {
		if labels := peerSelector(pa); len(labels) > 0 {
			add(sidecar(pa.Namespace, labels))
		}
	}
}

// addGateways adds the pods that some Gateway selects, and one for each selector.
func (u *universe) addGateways(m *original) {
	selectors := make([]map[string]string, len(m.Gateways))
	for i, g := range m.Gateways {
		selectors[i] = g.Spec.GetSelector()
	}
	index := pods.NewSelectors(selectors)
	for _, w := range m.Workloads {
		if w.Gateway || len(index.Selecting(w.Labels)) > 0 {
			u.gateways = append(u.gateways, w)
		}
	}
	for _, selector := range selectors {
		u.gateways = append(u.gateways, sidecar(anyNamespace, selector))
	}
}

// addClients adds a sidecar and a gateway of each namespace, and where rules select by label, those that they may tell apart.
func (u *universe) addClients(m *original) {
	both := func(namespace string, labels map[string]string) []istio.Client {
		client := istio.Client{Namespace: namespace, Labels: labels, Dataplane: model.DataplaneSidecar}
		gateway := client
		gateway.Gateway = true
		return []istio.Client{client, gateway}
	}
	u.anyone = both(anyNamespace, nil)
	u.clients = slices.Clone(u.anyone)
	for _, namespace := range m.namespaces() {
		u.clients = append(u.clients, both(namespace, nil)...)
	}
	toldApart := sets.New[string]()
	for _, rule := range m.DestinationRules {
		if labels := rule.Spec.GetWorkloadSelector().GetMatchLabels(); len(labels) > 0 {
			u.clients = append(u.clients, both(rule.Namespace, labels)...)
			toldApart.Insert(rule.Namespace)
		}
	}
	for _, w := range m.Workloads {
		if toldApart.Has(w.Namespace) && w.Dataplane == model.DataplaneSidecar {
			u.clients = append(u.clients, istio.ClientOf(w))
		}
	}
}

// addCalls adds the ports of the destinations that the view knows, and of the hosts that DestinationRules name beyond these.
func (u *universe) addCalls(m *original, v *mesh.View) {
	for _, d := range v.Destinations().All() {
		for _, port := range d.Declared {
			u.calls = append(u.calls, call{Destination: v.CallOf(d, port), servers: v.Endpoints(d, port)})
		}
	}
	ports := portsOfRules(m.DestinationRules)
	declared := sets.New(v.Destinations().Hosts()...)
	for _, rule := range m.DestinationRules {
		for _, h := range m.supposed(m.domain().Qualify(rule.Spec.GetHost(), rule.Namespace)) {
			if !declared.Has(h.Name) {
				declared.Insert(h.Name)
				u.addHost(h, ports)
			}
		}
	}
}

// portsOfRules returns the ports that some rule has settings for, and one that none has.
func portsOfRules(rules []*istionetworkingv1.DestinationRule) []int32 {
	const unmentioned = 65535
	ports := sets.New[int32](unmentioned)
	add := func(policy *networkingapi.TrafficPolicy) {
		for _, entry := range policy.GetPortLevelSettings() {
			ports.Insert(int32(entry.GetPort().GetNumber())) // #nosec G115 -- below 65536
		}
	}
	for _, rule := range rules {
		add(rule.Spec.GetTrafficPolicy())
		for _, s := range rule.Spec.GetSubsets() {
			add(s.GetTrafficPolicy())
		}
	}
	return sets.List(ports)
}

func (u *universe) addHost(host model.Host, ports []int32) {
	for _, number := range ports {
		u.calls = append(u.calls, call{Destination: istio.Destination{Host: host, Port: number}})
	}
}

// supposed are hosts that a rule's host may stand for, where nothing declares them: a name without a namespace is one outside the mesh.
func (m *original) supposed(host string) []model.Host {
	if !hosts.IsWildcard(host) {
		namespace, _, inMesh := m.domain().Service(host)
		return []model.Host{{Name: host, Namespace: namespace, External: !inMesh}}
	}
	var found []model.Host
	for _, namespace := range m.namespaces() {
		if service := m.domain().OfService(namespace, "any"); hosts.Covers(host, service) {
			found = append(found, model.Host{Name: service, Namespace: namespace})
		}
	}
	below := "any" + strings.TrimPrefix(host, "*")
	if host == "*" {
		below = "any.example"
	}
	namespace, _, inMesh := m.domain().Service(below)
	return append(found, model.Host{Name: below, Namespace: namespace, External: !inMesh})
}

// possible returns the servers of a call, and three that stand for those that may come: a pod with a sidecar, one without, and none.
func (c call) possible() []*destinations.Endpoint {
	all := make([]*destinations.Endpoint, 0, len(c.servers)+3)
	for i := range c.servers {
		all = append(all, &c.servers[i])
	}
	without := sidecar(c.Host.Namespace, nil)
	without.Dataplane = model.DataplaneNone
	return append(all, &destinations.Endpoint{Workload: sidecar(c.Host.Namespace, nil), Port: c.Port},
		&destinations.Endpoint{Workload: without, Port: c.Port}, nil)
}
