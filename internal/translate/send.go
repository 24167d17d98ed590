package translate

import (
	"cmp"
	"fmt"
	"slices"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

// sendSet is what one DestinationRule governs: a host, for the pods of a selector, or with an empty pod set for all whom its
// audience names.
type sendSet struct {
	revision string
	host     string
	pods     podSet
}

// sendKey is one TLS setting of a set: of a port, or with port 0 of the destination as a whole.
type sendKey struct {
	sendSet
	port int32
}

// sendValue is how a key is decided. Two rules without selector for one host, one for the namespace and one for everybody, would
// be merged or hide each other by age, so the audience is part of what is decided.
type sendValue struct {
	audience model.Audience
	tls      meshtlsv1alpha1.ClientTLS
}

type (
	sendClaim    = claim[sendKey, sendValue]
	sendDecision = decision[sendKey, sendValue]
)

// sends settles what the namespace's policies send, and makes one rule for each host and client set.
func sends(at site, policies []policyTarget, accept acceptPlan) sendPlan {
	asker := newSendAsker(at, policies)
	for _, p := range policies {
		for i := range p.Spec.Send {
			asker.askAll(p, i)
		}
	}
	implied := asker.implied(policies, accept.rules)
	decisions := settle(slices.Concat(asker.claims, implied.claims), sameSend)
	rules := asker.onBases(foldSends(policies, decisions))
	findings := slices.Concat(implied.findings, asker.losses(rules), asker.unmet(implied, decisions))
	return sendPlan{
		rules:    append(rules, asker.companions(rules)...),
		entries:  entriesOf(asker.asks, decisions, sendConflict),
		findings: findings,
	}
}

// sendPlan is the send side of a namespace.
type sendPlan struct {
	rules   []model.SendRule
	entries []entry
	// findings are about what the rules do besides what their entries ask for.
	findings []model.Finding
}

// sendAsker collects what the policies ask to be sent and claim.
type sendAsker struct {
	site
	// gatewayPods are the pods that a gateway target may select, of any namespace.
	gatewayPods pods.Index
	// wide are the rules without selector that the namespace's policies claim, by host and revision, with the first that does.
	wide map[sendSet]wideSend
	// narrow are the wildcards that single workloads send to, likewise.
	narrow  map[sendSet]wideSend
	foreign foreignRules
	known   map[string]model.Host
	asks    []ask
	claims  []sendClaim
}

// wideSend is who first sends to a host for more than the pods of a selector.
type wideSend struct {
	policy   *meshtlsv1alpha1.MeshTLSPolicy
	field    string
	host     string
	audience model.Audience
}

func newSendAsker(at site, policies []policyTarget) *sendAsker {
	a := &sendAsker{
		site:        at,
		gatewayPods: pods.NewIndex(at.Workloads),
		wide:        map[sendSet]wideSend{},
		narrow:      map[sendSet]wideSend{},
		foreign:     newForeignRules(at.Snapshot),
		known:       destinations.NewIndex(at.Inventory).KnownTo(at.Namespace),
	}
	for _, p := range policies {
		a.note(p)
	}
	return a
}

// note remembers the hosts that a policy sends to, as far as others must know: those of the whole namespace or of everybody, and
// the wildcards of single workloads.
func (a *sendAsker) note(p policyTarget) {
	noted := a.wide
	narrow := p.target.scope == scopeWorkload || p.target.scope == scopeGateway
	if narrow {
		noted = a.narrow
	}
	for i, send := range p.Spec.Send {
		for j, host := range send.Hosts {
			set := sendSet{revision: p.revision(), host: hosts.Qualify(host, p.Namespace)}
			field := fmt.Sprintf("spec.send[%d].hosts[%d]", i, j)
			if narrow && !hosts.IsWildcard(set.host) {
				continue
			}
			if _, taken := noted[set]; !taken && a.denial(p, field, send, set.host) == nil {
				noted[set] = wideSend{policy: p.MeshTLSPolicy, field: field, host: set.host, audience: audienceOf(p, send)}
			}
		}
	}
}

// askAll adds an element of spec.send: for each of its hosts the destination level, where it has a mode, and each port.
func (a *sendAsker) askAll(p policyTarget, i int) {
	send := p.Spec.Send[i]
	for j, name := range send.Hosts {
		field := fmt.Sprintf("spec.send[%d].hosts[%d]", i, j)
		host := hosts.Qualify(name, p.Namespace)
		value := sendValue{audience: audienceOf(p, send), tls: send.ClientTLS}
		asked := ask{policy: p, field: field, denied: a.denial(p, field, send, host)}
		asked.denied = firstOf(asked.denied, asked.configMapElsewhere(send.ClientTLS))
		if send.Mode != "" {
			a.ask(asked, sendKey{sendSet: a.setOf(p, host)}, value)
		}
		for k, port := range send.Ports {
			value.tls = port.ClientTLS
			onPort := ask{policy: p, field: fmt.Sprintf("%s (ports[%d])", field, k)}
			onPort.denied = firstOf(asked.denied, onPort.autoBelowWildcard(send, port), onPort.configMapElsewhere(port.ClientTLS))
			a.ask(onPort, sendKey{sendSet: a.setOf(p, host), port: port.Port}, value)
		}
	}
}

func (a *sendAsker) ask(asked ask, key sendKey, value sendValue) {
	value.tls = a.decided(value.tls, key.host)
	if asked.denied == nil && asked.policy.target.resolved() {
		a.claims = append(a.claims, sendClaim{
			policy: asked.policy.MeshTLSPolicy, field: asked.field, ask: len(a.asks), key: key, value: value,
		})
	}
	a.asks = append(a.asks, asked)
}

func (a *sendAsker) setOf(p policyTarget, host string) sendSet {
	return sendSet{revision: p.revision(), host: host, pods: p.set}
}

// decided is what Auto comes to: nothing is rendered and Istio decides per endpoint, save where auto mTLS is off in the mesh. Then
// Istio would send plaintext, and hosts of the mesh are given ISTIO_MUTUAL.
// Source: istio pilot/pkg/networking/core/cluster_tls.go, buildUpstreamTLSSettings.
func (a *sendAsker) decided(tls meshtlsv1alpha1.ClientTLS, host string) meshtlsv1alpha1.ClientTLS {
	if tls.Mode != meshtlsv1alpha1.SendAuto || a.Mesh.AutoMTLS {
		return tls
	}
	if a.isInMesh(host) {
		return meshtlsv1alpha1.ClientTLS{Mode: meshtlsv1alpha1.SendIstioMutual}
	}
	return tls
}

// isInMesh says whether the host, or all that a wildcard covers, is known and in the mesh.
func (a *sendAsker) isInMesh(host string) bool {
	if declared, known := a.known[host]; known || !hosts.IsWildcard(host) {
		return known && !declared.External
	}
	covered, outside := false, false
	for name, declared := range a.known {
		if hosts.Covers(host, name) {
			covered, outside = true, outside || declared.External
		}
	}
	return covered && !outside
}

func audienceOf(p policyTarget, send meshtlsv1alpha1.Send) model.Audience {
	switch {
	case p.target.scope == scopeWorkload || p.target.scope == scopeGateway:
		return model.AudienceWorkload
	case send.Clients == meshtlsv1alpha1.ClientsAll:
		return model.AudienceAll
	default:
		return model.AudienceNamespace
	}
}

func sameSend(a, b sendValue) bool {
	return a.audience == b.audience && sameTLS(a.tls, b.tls)
}

func sameTLS(a, b meshtlsv1alpha1.ClientTLS) bool {
	return a.Mode == b.Mode &&
		a.ClientCertificate == b.ClientCertificate && a.PrivateKey == b.PrivateKey &&
		a.CACertificates == b.CACertificates && a.CACRL == b.CACRL && a.CredentialName == b.CredentialName &&
		slices.Equal(a.SubjectAltNames, b.SubjectAltNames) && a.SNI == b.SNI && isTrue(a.InsecureSkipVerify) == isTrue(b.InsecureSkipVerify)
}

func isTrue(b *bool) bool { return b != nil && *b }

func sendConflict(loser, winner sendClaim) model.Finding {
	what := "what is sent to " + loser.key.host
	if loser.key.port != 0 {
		what = fmt.Sprintf("what is sent to port %d of %s", loser.key.port, loser.key.host)
	}
	return at(loser.policy, loser.field).lostTo(winner.policy, "send-conflict",
		fmt.Sprintf("%s of MeshTLSPolicy %s already decides %s for these clients (%s); %s is not rendered.",
			winner.field, keyOf(winner.policy), what, sendValueWords(winner.value), sendValueWords(loser.value)))
}

func sendValueWords(v sendValue) string {
	if v.audience == model.AudienceAll {
		return string(v.tls.Mode) + " for all clients"
	}
	return string(v.tls.Mode)
}

// foldSends makes one rule of the decisions about each set, in the order in which the sets first appear. All decisions about a
// set have one audience: an entry of another was denied.
func foldSends(policies []policyTarget, decisions []sendDecision) []model.SendRule {
	selectors := selectorsOf(policies)
	var rules []model.SendRule
	at := map[sendSet]int{}
	for _, d := range decisions {
		i, begun := at[d.key.sendSet]
		if !begun {
			i = len(rules)
			at[d.key.sendSet] = i
			rules = append(rules, model.SendRule{
				Revision: d.key.revision, Host: d.key.host, Audience: d.value.audience, Selector: selectors[d.key.pods],
			})
		}
		addSend(&rules[i], d)
	}
	for i := range rules {
		slices.SortFunc(rules[i].Ports, func(a, b model.PortTLS) int { return cmp.Compare(a.Port, b.Port) })
		rules[i].Owners = inPrecedence(policies, rules[i].Owners)
	}
	return rules
}

func addSend(rule *model.SendRule, d sendDecision) {
	rule.Owners = addOwners(rule.Owners, d.owners()...)
	if d.key.port == 0 {
		rule.TLS = d.value.tls
		return
	}
	rule.Ports = append(rule.Ports, model.PortTLS{Port: d.key.port, TLS: d.value.tls})
}
