package importer

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/util/sets"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/verbatim"
)

// gateways proposes a policy for each Gateway.
func (d *draft) gateways(all []*istionetworkingv1.Gateway) {
	d.dropped = d.original.droppedServers()
	for _, gateway := range all {
		ref := refOf(model.KindGateway, gateway)
		switch {
		case len(gateway.Spec.GetSelector()) == 0:
			d.refuse(ref, "It has no selector, so it is for every gateway of the mesh; a policy names its gateway. Give it a selector first.")
		case len(gateway.Spec.GetServers()) == 0:
			d.refuse(ref, "It has no servers, and so no effect; delete it.")
		case verbatim.Has(&gateway.Spec):
			d.refuse(ref, unsayable(unknownField(&gateway.Spec)))
		default:
			if c := d.gatewayCandidate(gateway, nil); c != nil {
				d.candidates = append(d.candidates, c)
			}
		}
	}
}

// gatewayCandidate says the servers as entries of terminate, passthrough and plaintext. Those that cannot be said, or are refused
// already (by index), stay in the Gateway. Nil: none is left; then the Gateway is refused.
func (d *draft) gatewayCandidate(gateway *istionetworkingv1.Gateway, refused map[int]string) *candidate {
	ref := refOf(model.KindGateway, gateway)
	c := &candidate{kind: model.KindGateway, policy: policyFor(gateway), from: []model.ObjectRef{ref}}
	c.policy.Spec.Gateway = &meshtlsv1alpha1.Target{Selector: &meshtlsv1alpha1.LabelSelector{MatchLabels: gateway.Spec.GetSelector()}}
	kept := &istionetworkingv1.Gateway{ObjectMeta: gateway.ObjectMeta}
	kept.Spec.Selector = gateway.Spec.Selector
	for i, server := range gateway.Spec.GetServers() {
		field := fmt.Sprintf("spec.servers[%d]", i)
		if dropped := d.dropped[serverAt{ref, i}]; dropped != "" {
			c.notes = append(c.notes, fmt.Sprintf("Of %s: Istio leaves it out everywhere, and so does the policy. %s", field, dropped))
			continue
		}
		why := refused[i]
		if why == "" {
			var notes []string
			notes, why = addServer(&c.policy.Spec, server)
			for _, note := range notes {
				c.notes = append(c.notes, fmt.Sprintf("Of %s: %s", field, note))
			}
		}
		if why != "" {
			c.partial = append(c.partial, Refusal{Object: ref, Field: field, Why: why})
			kept.Spec.Servers = append(kept.Spec.Servers, server)
		}
	}
	if len(serversOf(c)) == 0 {
		d.refusals = append(d.refusals, c.partial...)
		if len(c.partial) == 0 {
			d.refuse(ref, "Istio leaves out all of its servers. It has no effect; delete it first.")
		}
		return nil
	}
	if len(kept.Spec.Servers) > 0 {
		c.kept = kept
	}
	return c
}

// admitServers finds the servers that the API server would not admit, by asking for each alone, and then for all together.
func (d *draft) admitServers(c *candidate, admit func(*meshtlsv1alpha1.MeshTLSPolicy) error) {
	gateway := d.original.gateway(c.from[0])
	refused := map[int]string{}
	for i, server := range gateway.Spec.GetServers() {
		if d.dropped[serverAt{c.from[0], i}] != "" {
			continue
		}
		alone := c.policy.DeepCopy()
		alone.Spec.Terminate, alone.Spec.Passthrough, alone.Spec.Plaintext = nil, nil, nil
		if _, why := addServer(&alone.Spec, server); why != "" {
			continue
		}
		if err := admit(alone); err != nil {
			refused[i] = notAdmitted(err)
		}
	}
	if len(refused) > 0 {
		name := c.policy.Name
		at := slices.Index(d.candidates, c)
		if c = d.gatewayCandidate(gateway, refused); c == nil {
			d.candidates = slices.Delete(d.candidates, at, at+1)
			return
		}
		c.policy.Name = name
		d.candidates[at] = c
	}
	if err := admit(c.policy); err != nil {
		d.withdraw(c, notAdmitted(err))
	}
}

// serversOf returns the entries of a candidate's policy.
func serversOf(c *candidate) []meshtlsv1alpha1.GatewayServer {
	var all []meshtlsv1alpha1.GatewayServer
	for _, t := range c.policy.Spec.Terminate {
		all = append(all, t.GatewayServer)
	}
	for _, p := range c.policy.Spec.Passthrough {
		all = append(all, p.GatewayServer)
	}
	for _, p := range c.policy.Spec.Plaintext {
		all = append(all, p.GatewayServer)
	}
	return all
}

// serverAt is a server of a Gateway, by its place.
type serverAt struct {
	gateway model.ObjectRef
	index   int
}

// droppedServers returns the servers that Istio leaves out on all pods of their Gateway, with the reason.
func (m *original) droppedServers() map[serverAt]string {
	over := &universe{}
	over.addGateways(m)
	served, dropped := sets.New[serverAt](), map[serverAt]string{}
	for _, revision := range m.revisions() {
		seen := m.unchanged.seen(revision, byName)
		for _, w := range over.gateways {
			found := seen.Listeners(w)
			for _, l := range found.Listeners {
				for _, s := range l.Servers {
					served.Insert(serverAt{s.Ref(), s.Index})
				}
			}
			for _, out := range found.Dropped {
				dropped[serverAt{out.Server.Ref(), out.Server.Index}] = out.Why
			}
		}
	}
	maps.DeleteFunc(dropped, func(at serverAt, _ string) bool { return served.Has(at) })
	return dropped
}

func (m *original) gateway(ref model.ObjectRef) *istionetworkingv1.Gateway {
	at := slices.IndexFunc(m.foreign.Gateways, func(g *istionetworkingv1.Gateway) bool { return refOf(model.KindGateway, g) == ref })
	return m.foreign.Gateways[at]
}

// listening returns the part that all servers have. To Istio */* means that the server has no other host.
// Source: istio pilot/pkg/model/gateway.go, sanitizeServerHostNamespace.
func listening(s *networkingapi.Server) meshtlsv1alpha1.GatewayServer {
	served := s.GetHosts()
	if slices.Contains(served, "*/*") {
		served = []string{"*"}
	}
	return meshtlsv1alpha1.GatewayServer{
		Port: int32(s.GetPort().GetNumber()), // #nosec G115 -- admission looks at it
		Name: s.GetName(), Bind: s.GetBind(), Hosts: served,
	}
}
