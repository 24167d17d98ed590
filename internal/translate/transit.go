package translate

import (
	"cmp"
	"maps"
	"slices"

	networkingapi "istio.io/api/networking/v1alpha3"
	securityapi "istio.io/api/security/v1beta1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/model"
)

// A server that begins or ends to be DISABLE, which is plaintext only, changes what its clients must send, too. Istio tells the server by
// its listeners and the clients by its endpoints, in one push that each proxy takes at its own time: until then connections fail. So the
// way leads over PERMISSIVE, where a server takes both, and meanwhile a DestinationRule holds the clients to plaintext:
//
//	to DISABLE:   PERMISSIVE · hold the clients · DISABLE · let them go
//	from DISABLE: hold the clients · PERMISSIVE · let them go · what is asked
//
// What is live tells how far it has come, so nothing has to be remembered.
// Source: istio pilot/pkg/xds/endpoints/mtls_checker.go, checkMtlsEnabled; pilot/pkg/networking/core/listener_inbound.go,
// buildInboundChainConfigs.

// transit is what the namespace accepts next, on its way to what its policies ask.
type transit struct {
	rules []model.AcceptRule
	// holds are the destinations whose clients are held to plaintext meanwhile.
	holds []sendClaim
	// under are the policies that are on the way.
	under []model.Owner
}

// transitTo finds the next step from what is live to the rules.
func transitTo(m indexed, policies []policyTarget, asked []model.AcceptRule) transit {
	next := transit{rules: asked}
	crossing := crossings(m, asked)
	if len(crossing) == 0 {
		return next
	}
	next.rules = slices.Clone(asked)
	s := newSendMesh(m, policies, asked)
	first := newFirstSends(conflictingSends(s, sendEntries(s, policies)))
	for _, c := range crossing {
		held := true
		for _, h := range holdsOf(s, c, asked, first) {
			for _, owner := range c.rule.Owners {
				next.holds = append(next.holds, h.claims(policyOf(policies, owner), meshtlsv1alpha1.SendDisable)...)
			}
			held = held && s.isHeld(h)
		}
		next.rules[c.at] = c.step(held)
		next.under = addOwners(next.under, c.rule.Owners...)
	}
	return next
}

// mark notes on the outcomes which policies are on the way.
func (t transit) mark(outcomes []model.Outcome) []model.Outcome {
	for i, o := range outcomes {
		outcomes[i].InTransit = slices.Contains(t.under, model.Owner{Name: o.Policy.Name, UID: o.UID})
	}
	return outcomes
}

// crossing is a rule by which servers begin or end to be DISABLE.
type crossing struct {
	// at is the position of the rule among those that are asked.
	at   int
	rule model.AcceptRule
	// live is ours as it is; nil: it does not exist.
	live *securityapi.PeerAuthentication
	// was and is are what the pods accept where rule and live say nothing, before and after.
	was, is meshtlsv1alpha1.AcceptMode
}

// crossings finds them among the rules. Where there is no pod nothing is called.
func crossings(m indexed, asked []model.AcceptRule) []crossing {
	if !m.Stepwise || !anyDisable(m.Snapshot, asked) {
		return nil
	}
	var found []crossing
	after := m.views.With(model.Objects{PeerAuthentications: acceptedBy(m.Snapshot, asked)})
	for i, rule := range asked {
		c := crossing{
			at: i, rule: rule, live: specOfPeer(liveOf(m.Snapshot, rule)),
			was: namespaceMode(m.views, rule.Revision, m.Namespace), is: namespaceMode(after, rule.Revision, m.Namespace),
		}
		if len(m.views.Of(rule.Revision).Selected(m.Namespace, rule.Selector)) > 0 && slices.ContainsFunc(c.ports(), c.crossesAt) {
			found = append(found, c)
		}
	}
	return found
}

// anyDisable reports whether anything asks for DISABLE or is DISABLE.
func anyDisable(s model.Snapshot, asked []model.AcceptRule) bool {
	return slices.ContainsFunc(asked, func(rule model.AcceptRule) bool {
		return rule.Mode == meshtlsv1alpha1.AcceptDisable ||
			slices.ContainsFunc(rule.Ports, func(p model.PortAccept) bool { return p.Mode == meshtlsv1alpha1.AcceptDisable })
	}) || slices.ContainsFunc(s.PeerAuthentications, func(pa *istiosecurityv1.PeerAuthentication) bool {
		return isDisable(pa.Spec.GetMtls()) || slices.ContainsFunc(slices.Collect(maps.Values(pa.Spec.GetPortLevelMtls())), isDisable)
	})
}

func isDisable(mtls *securityapi.PeerAuthentication_MutualTLS) bool {
	return istio.ModeOf(mtls) == meshtlsv1alpha1.AcceptDisable
}

func specOfPeer(pa *istiosecurityv1.PeerAuthentication) *securityapi.PeerAuthentication {
	if pa == nil {
		return nil
	}
	return &pa.Spec
}

// ports returns the ports that the rule or the live object names, and zero, which stands for all others.
func (c crossing) ports() []int32 {
	ports := []int32{0}
	for _, p := range c.rule.Ports {
		ports = append(ports, p.Port)
	}
	for port := range c.live.GetPortLevelMtls() {
		ports = append(ports, int32(port)) //nolint:gosec // a port
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// before returns what the pods accept at the port now.
func (c crossing) before(port int32) meshtlsv1alpha1.AcceptMode {
	own := istio.ModeOf(c.live.GetPortLevelMtls()[uint32(port)]) //nolint:gosec // a port
	return cmp.Or(own, istio.ModeOf(c.live.GetMtls()), c.was)
}

// after returns what they are to accept.
func (c crossing) after(port int32) meshtlsv1alpha1.AcceptMode {
	if mode := c.rule.PortMode(port); mode != meshtlsv1alpha1.AcceptInherit {
		return mode
	}
	return c.is
}

func (c crossing) crossesAt(port int32) bool {
	return (c.before(port) == meshtlsv1alpha1.AcceptDisable) != (c.after(port) == meshtlsv1alpha1.AcceptDisable)
}

// step returns the rule as it may be now. Where the servers' clients are not held to plaintext yet, a server that is DISABLE stays so, and
// one that is not does not become so.
func (c crossing) step(held bool) model.AcceptRule {
	next := c.rule
	next.Ports = nil
	for _, port := range c.ports() {
		mode := c.rule.PortMode(port)
		if c.crossesAt(port) {
			mode = c.stepAt(port, held)
		}
		switch {
		case port == 0:
			next.Mode = mode
		case mode != meshtlsv1alpha1.AcceptInherit:
			next.Ports = append(next.Ports, model.PortAccept{Port: port, AcceptSettings: model.AcceptSettings{Mode: mode}})
		}
	}
	return next
}

func (c crossing) stepAt(port int32, held bool) meshtlsv1alpha1.AcceptMode {
	switch before := c.before(port); {
	case before == meshtlsv1alpha1.AcceptDisable && !held:
		return meshtlsv1alpha1.AcceptDisable
	case before == meshtlsv1alpha1.AcceptPermissive && held:
		return c.after(port)
	default:
		return meshtlsv1alpha1.AcceptPermissive
	}
}

// holdsOf returns the destinations whose clients are to be held: those in front of the rule's pods that lead to ports where it crosses,
// and to none at which plaintext is refused. Whom a policy tells something else, or a rule that is not ours, cannot be held.
func holdsOf(m sendMesh, c crossing, asked []model.AcceptRule, first firstSends) []tightened {
	if m.Namespace == m.Mesh.RootNamespace && len(c.rule.Selector) == 0 {
		return nil // the clients of other namespaces' servers cannot be told from here
	}
	view := m.views.Of(c.rule.Revision)
	selected := view.Selected(m.Namespace, c.rule.Selector)
	led := governed{view: view, labels: c.rule.Selector, pods: selected}
	var holds []tightened
	for _, d := range inFront(view, m.Namespace, c.rule.Selector, selected) {
		if d.Service == nil {
			continue
		}
		t := tightened{Destination: d, owners: c.rule.Owners, set: sendSet{revision: c.rule.Revision, host: d.Name}}
		for _, port := range d.Service.Ports {
			if numbers := led.targetNumbers(d.Service, port); c.mayHold(numbers) {
				t.ports = append(t.ports, port.Port)
			}
		}
		apart := len(c.rule.Selector) == 0 && governedApart(m, t, asked)
		if len(t.ports) > 0 && !apart && obstacleTo(m, t, c.rule, first) == "" {
			holds = append(holds, t)
		}
	}
	return holds
}

// mayHold reports whether plaintext gets in at all of the workload ports while the rule crosses at one of them.
func (c crossing) mayHold(numbers []int32) bool {
	strict := func(port int32) bool { return !c.crossesAt(port) && c.after(port) == meshtlsv1alpha1.AcceptStrict }
	return slices.ContainsFunc(numbers, c.crossesAt) && !slices.ContainsFunc(numbers, strict)
}

// isHeld reports whether a rule of ours already holds the destination's clients.
func (m sendMesh) isHeld(t tightened) bool {
	for _, rule := range m.Live().DestinationRules {
		host := m.domain().Qualify(rule.Spec.GetHost(), rule.Namespace)
		if !model.Ours(rule) || liveSet(rule, host) != t.set {
			continue
		}
		return !slices.ContainsFunc(t.ports, func(port int32) bool { return !sendsPlaintext(rule.Spec.GetTrafficPolicy(), port) })
	}
	return false
}

// sendsPlaintext reports whether the settings have clients send plaintext to the port.
func sendsPlaintext(policy *networkingapi.TrafficPolicy, port int32) bool {
	tls := policy.GetTls()
	for _, level := range policy.GetPortLevelSettings() {
		if int32(level.GetPort().GetNumber()) == port { //nolint:gosec // a port
			tls = level.GetTls()
		}
	}
	return tls != nil && tls.GetMode() == networkingapi.ClientTLSSettings_DISABLE
}
