package translate

import (
	"cmp"
	"maps"
	"slices"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

// gatewayMerge foresees how Istio merges the Gateways of the namespace that select the same pods: what an older one holds, a
// younger one loses. It admits servers in order of precedence, so that none is rendered which Istio would drop.
//
// It asks the questions of Istio's merge (istio.Family, istio.ServerKind), and those in which we are stricter
// (gatewaystrict.go). It does not run that merge, istio.Model.Listeners, since it needs another memory: Istio compares a
// server with the last one it met at the port or the host, and we with every older one; a server stands everywhere or nowhere,
// so all the venues are asked before it is noted at any; and one merge serves the control planes of all revisions.
type gatewayMerge struct {
	indexed
	selected map[pods.Set]gatewayPods
	venues   map[place]venue
	// families are the servers at an address, by family, and hosts those that answer to a host there. Both in order of precedence.
	families map[familyAt][]*gatewayServer
	hosts    map[hostAt][]hostClaim
}

// gatewayPods are the pods of a selector. Venues tell apart where servers can meet: each kind of pods is one, and where there are
// none yet, the selector itself.
type gatewayPods struct {
	workloads []*model.Workload
	venues    []venue
}

type venue int

// place is what a venue stands for: a kind of pods, by one of them, or a selector.
type place struct {
	namespace, example string
	selector           pods.Set
}

// address is where a server listens. Different binds of a port are different listeners.
type address struct {
	venue venue
	port  int32
	bind  string
}

type familyAt struct {
	address
	family istio.Family
}

type hostAt struct {
	address
	name string
}

// hostClaim is a server that answers to a host, which is spelled out.
type hostClaim struct {
	server *gatewayServer
	host   string
}

// podsOf finds the pods of a gateway target, once for each selector.
func (m *gatewayMerge) podsOf(p *policyTarget) gatewayPods {
	set := pods.SetOf(p.target.selector)
	if found, known := m.selected[set]; known {
		return found
	}
	m.begin()
	found := gatewayPods{workloads: m.view(p).GatewayPods(p.target.selector)}
	for _, at := range placesOf(set, found.workloads) {
		if _, known := m.venues[at]; !known {
			m.venues[at] = venue(len(m.venues))
		}
		found.venues = append(found.venues, m.venues[at])
	}
	m.selected[set] = found
	return found
}

// begin makes the maps when the first gateway needs them: most namespaces have none.
func (m *gatewayMerge) begin() {
	if m.selected != nil {
		return
	}
	m.selected = map[pods.Set]gatewayPods{}
	m.venues = map[place]venue{}
	m.families = map[familyAt][]*gatewayServer{}
	m.hosts = map[hostAt][]hostClaim{}
}

// placesOf returns the places of the pods of a selector, in an order that does not depend on the snapshot's.
func placesOf(set pods.Set, workloads []*model.Workload) []place {
	if len(workloads) == 0 {
		return []place{{selector: set}}
	}
	places := make([]place, len(workloads))
	for i, w := range workloads {
		places[i] = place{namespace: w.Namespace, example: w.Example}
	}
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.example, b.example))
	})
	return places
}

// admit lets the server in, or says why it cannot stand.
func (m *gatewayMerge) admit(server *gatewayServer) *model.Finding {
	if because := unsupported(m.Mesh, server); because != nil {
		return because
	}
	if !server.policy.target.resolved() {
		return nil // where it will listen is not known yet
	}
	venues := m.podsOf(server.policy).venues
	for _, v := range venues {
		if conflict := m.conflictAt(addressOf(v, server), server); conflict != nil {
			return conflict
		}
	}
	for _, v := range venues {
		m.occupy(addressOf(v, server), server)
	}
	return nil
}

func (m *gatewayMerge) conflictAt(at address, server *gatewayServer) *model.Finding {
	for _, family := range [...]istio.Family{istio.FamilyHTTP, istio.FamilyTLS, istio.FamilyTCP} {
		if !excludes(family, server.kind.Family) {
			continue
		}
		for _, older := range m.families[familyAt{at, family}] {
			if sameControlPlane(server.policy, older.policy) {
				return protocolConflict(server, older)
			}
		}
	}
	for _, written := range listenerOf(server.planned).Hosts {
		host := istio.SpelledOut(written, server.policy.Namespace)
		for _, older := range m.hosts[hostAt{at, istio.HostName(host)}] {
			if sameControlPlane(server.policy, older.server.policy) && clash(server, host, older) {
				return hostConflict(server, host, older)
			}
		}
	}
	return nil
}

func (m *gatewayMerge) occupy(at address, server *gatewayServer) {
	family := familyAt{at, server.kind.Family}
	m.families[family] = append(m.families[family], server)
	for _, written := range listenerOf(server.planned).Hosts {
		host := istio.SpelledOut(written, server.policy.Namespace)
		key := hostAt{at, istio.HostName(host)}
		m.hosts[key] = append(m.hosts[key], hostClaim{server, host})
	}
}

// sameControlPlane reports whether one control plane reads the Gateways of both policies. One without a revision is read by all.
// Source: istio pilot/pkg/config/kube, the filter by the label istio.io/rev.
func sameControlPlane(a, b *policyTarget) bool {
	return a.revision() == b.revision() || a.revision() == "" || b.revision() == ""
}

// addressOf is where the server listens at the venue.
func addressOf(v venue, server *gatewayServer) address {
	listener := listenerOf(server.planned)
	return address{venue: v, port: listener.Port, bind: envoyAddress(listener.Bind)}
}

// inOtherNamespaces returns the other namespaces that the workloads live in, in alphabetical order.
func inOtherNamespaces(workloads []*model.Workload, own string) []string {
	others := map[string]bool{}
	for _, w := range workloads {
		if w.Namespace != own {
			others[w.Namespace] = true
		}
	}
	return slices.Sorted(maps.Keys(others))
}
