package translate

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

// toldClients are the clients that must be told to use mutual TLS, since of themselves they would send plaintext to pods that accept it:
// Istio asks only the namespace's and the mesh's PeerAuthentication whether a Service may be called with mutual TLS at all, and nobody
// where auto mTLS is off.
// Source: istio pilot/pkg/model/push_context.go, BestEffortInferServiceMTLSMode; pilot/pkg/networking/core/cluster_tls.go,
// buildUpstreamTLSSettings.
type toldClients struct {
	// of are the destinations whose clients are told, by the claims.
	of       []tightened
	claims   []sendClaim
	findings []model.Finding
}

// impliedSends finds the destinations whose clients must be told because of what the policies accept.
func impliedSends(m sendMesh, sent []sendEntry, policies []policyTarget, accepted []model.AcceptRule) toldClients {
	var told toldClients
	var first *firstSends
	for _, rule := range accepted {
		parent := m.namespaceMode(rule.Revision)
		if !needsTelling(m, rule, parent) {
			continue
		}
		if first == nil {
			found := newFirstSends(sent)
			first = &found
		}
		for _, t := range tightenedBy(m, rule, parent) {
			if len(rule.Selector) == 0 && governedApart(m, t, accepted) {
				continue
			}
			if obstacle := obstacleTo(m, t, rule, *first); obstacle != "" {
				told.findings = append(told.findings, plaintextFindings(m, t, obstacle)...)
				continue
			}
			told.of = append(told.of, t)
			for _, owner := range rule.Owners { // all of them: when one goes, the rule must not go with it
				told.claims = append(told.claims, t.claims(policyOf(policies, owner), meshtlsv1alpha1.SendIstioMutual)...)
			}
		}
	}
	return told
}

// needsTelling reports whether clients would not offer mutual TLS to the rule's pods. What a whole namespace accepts they learn where auto
// mTLS is on; what is said for the mesh cannot be answered by rules of one namespace.
func needsTelling(m sendMesh, rule model.AcceptRule, parent meshtlsv1alpha1.AcceptMode) bool {
	if len(rule.Selector) == 0 {
		return !m.Mesh.AutoMTLS && m.Namespace != m.Mesh.RootNamespace
	}
	return !m.Mesh.AutoMTLS || parent == meshtlsv1alpha1.AcceptDisable
}

// governedApart reports whether a workload's rule is about some of the destination's pods: then its clients are told because of that one.
func governedApart(m sendMesh, t tightened, accepted []model.AcceptRule) bool {
	behind := m.views.Of(t.set.revision).Behind(t.Destination)
	return slices.ContainsFunc(accepted, func(rule model.AcceptRule) bool {
		return len(rule.Selector) > 0 && rule.Revision == t.set.revision &&
			slices.ContainsFunc(behind, func(w *model.Workload) bool { return pods.Matches(rule.Selector, w.Labels) })
	})
}

func policyOf(policies []policyTarget, owner model.Owner) *meshtlsv1alpha1.MeshTLSPolicy {
	return policies[slices.IndexFunc(policies, func(p policyTarget) bool { return ownerOf(p.MeshTLSPolicy) == owner })].MeshTLSPolicy
}

// tightened is a destination with ports at which pods accept mutual TLS though clients would not offer it.
type tightened struct {
	*destinations.Destination
	set    sendSet
	owners []model.Owner
	ports  []int32
	// mixed are the ports that lead both to workload ports that accept mutual TLS only and to ones that accept plaintext only.
	mixed []int32
}

// claims are for the destination as a whole where all of its ports are tightened, else for the ports.
func (t tightened) claims(policy *meshtlsv1alpha1.MeshTLSPolicy, mode meshtlsv1alpha1.SendMode) []sendClaim {
	ports := t.ports
	if len(ports) == len(t.Declared) {
		ports = []int32{0}
	}
	claims := make([]sendClaim, len(ports))
	for i, port := range ports {
		claims[i] = sendClaim{
			entryRef: entryRef{policy: policy, field: "spec.accept"}, entry: implied, key: sendKey{sendSet: t.set, port: port},
			value: sendValue{audience: model.AudienceAll, tls: meshtlsv1alpha1.ClientTLS{Mode: mode}},
		}
	}
	return claims
}

// tightenedBy returns the destinations in front of the rule's pods that the rule tightens.
func tightenedBy(m sendMesh, rule model.AcceptRule, parent meshtlsv1alpha1.AcceptMode) []tightened {
	view := m.views.Of(rule.Revision)
	selected := view.Selected(m.Namespace, rule.Selector)
	governed := governed{view: view, labels: rule.Selector, pods: selected}
	var found []tightened
	for _, d := range inFront(view, m.Namespace, rule.Selector, selected) {
		if d.Service == nil {
			continue
		}
		t := tightened{Destination: d, owners: rule.Owners, set: sendSet{revision: rule.Revision, host: d.Name}}
		for _, port := range d.Service.Ports {
			modes := modesOf(rule, governed.targetNumbers(d.Service, port), parent)
			switch {
			case len(modes) == 0:
			case !slices.Contains(modes, meshtlsv1alpha1.AcceptDisable):
				t.ports = append(t.ports, port.Port)
			case slices.Contains(modes, meshtlsv1alpha1.AcceptStrict):
				t.mixed = append(t.mixed, port.Port)
			}
		}
		if len(t.ports) > 0 || len(t.mixed) > 0 {
			found = append(found, t)
		}
	}
	return found
}

// modesOf returns the modes of the workload ports.
func modesOf(rule model.AcceptRule, numbers []int32, parent meshtlsv1alpha1.AcceptMode) []meshtlsv1alpha1.AcceptMode {
	modes := make([]meshtlsv1alpha1.AcceptMode, len(numbers))
	for i, number := range numbers {
		modes[i] = rule.PortMode(number)
		if modes[i] == meshtlsv1alpha1.AcceptInherit {
			modes[i] = parent
		}
	}
	return modes
}

// obstacleTo says why the clients of a destination cannot be told; empty: they can.
func obstacleTo(m sendMesh, t tightened, rule model.AcceptRule, first firstSends) string {
	behind := m.views.Of(rule.Revision).Behind(t.Destination)
	others := slices.ContainsFunc(behind, func(w *model.Workload) bool { return !pods.Matches(rule.Selector, w.Labels) })
	wide, above := first.wide[t.set.hostKey()], first.above(t.set.hostKey())
	beside := m.foreignFor(t.set)
	foreign := slices.IndexFunc(beside, isWide)
	switch {
	case len(t.mixed) > 0:
		return fmt.Sprintf("port %s leads to workload ports of which some accept mutual TLS only and some plaintext only", numberWords(t.mixed))
	case others:
		return "the Service also leads to pods that this policy is not about"
	case wide != nil && wide.audience == model.AudienceNamespace:
		return fmt.Sprintf("%s of MeshTLSPolicy %s already decides what the namespace sends to it", wide.field, wide.policy.key())
	case wide == nil && above != nil:
		return fmt.Sprintf("%s of MeshTLSPolicy %s already decides what is sent to %s, which covers it",
			above.field, above.policy.key(), above.set.host)
	case foreign >= 0:
		return fmt.Sprintf("DestinationRule %s/%s, which is not ours, already decides what is sent to it",
			beside[foreign].Namespace, beside[foreign].Name)
	default:
		return ""
	}
}

// plaintextFindings tell the policies of a rule that a destination's clients send plaintext, and why that is not changed. A strict port
// refuses it; one that accepts plaintext too takes it, and the mutual TLS that it also offers is never used.
func plaintextFindings(m sendMesh, t tightened, obstacle string) []model.Finding {
	findings := make([]model.Finding, len(t.owners))
	for i, owner := range t.owners {
		findings[i] = model.Finding{
			Check:    "accept-clients-send-plaintext",
			Severity: meshtlsv1alpha1.SeverityError,
			Subject:  model.PolicyRef(types.NamespacedName{Namespace: m.Namespace, Name: owner.Name}),
			Related:  t.Ref(),
			Field:    "spec.accept",
			Message: fmt.Sprintf("Clients send plaintext to %s, since %s; they cannot be told to use mutual TLS, since %s.",
				t.Destination, whyPlaintext(m), obstacle),
			Remedy:    "Let the namespace accept Permissive instead of Disable, or send IstioMutual to the Service.",
			Condition: meshtlsv1alpha1.ConditionEffective, Reason: meshtlsv1alpha1.ReasonInert,
		}
	}
	return findings
}

func whyPlaintext(m sendMesh) string {
	if !m.Mesh.AutoMTLS {
		return "auto mTLS is off in the mesh"
	}
	return "the namespace or the mesh accepts plaintext only, and clients look no further"
}

// unmet tells the policies whose clients are told something else by an entry of send.
func (told toldClients) unmet(decisions []sendDecision) []model.Finding {
	if len(told.of) == 0 {
		return nil
	}
	decided := make(map[sendKey]sendDecision, len(decisions))
	for _, d := range decisions {
		decided[d.key] = d
	}
	var findings []model.Finding
	for _, t := range told.of {
		for _, port := range t.ports {
			d, own := decided[sendKey{sendSet: t.set, port: port}]
			if !own {
				d = decided[sendKey{sendSet: t.set}]
			}
			if d.value.tls.Mode != meshtlsv1alpha1.SendIstioMutual {
				findings = append(findings, t.toldOtherwise(port, d)...)
			}
		}
	}
	return findings
}

// toldOtherwise returns the finding that an entry of send has the clients of a port send something else.
func (t tightened) toldOtherwise(port int32, d sendDecision) []model.Finding {
	findings := make([]model.Finding, len(t.owners))
	for i, owner := range t.owners {
		findings[i] = model.Finding{
			Check: "accept-clients-send-otherwise", Severity: meshtlsv1alpha1.SeverityWarning,
			Subject: model.PolicyRef(types.NamespacedName{Namespace: t.Namespace, Name: owner.Name}),
			Related: policyRef(d.policy), Field: "spec.accept",
			Message: fmt.Sprintf("Clients need mutual TLS for port %d of %s, and %s of MeshTLSPolicy %s has them send %s.",
				port, t.set.host, d.field, keyOf(d.policy), d.value),
			Remedy: "Change the one or the other.",
		}
	}
	return findings
}
