package translate

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

// impliedSends follow from what workloads accept: clients must be told to use mutual TLS where they would not of themselves. Istio
// asks only the namespace's and the mesh's PeerAuthentication whether a Service may be called with mutual TLS at all, and nobody
// where auto mTLS is off.
// Source: istio pilot/pkg/model/push_context.go, BestEffortInferServiceMTLSMode; pilot/pkg/networking/core/cluster_tls.go,
// buildUpstreamTLSSettings.
type impliedSends struct {
	// told are the Services whose clients are told, by the claims.
	told     []tightenedService
	claims   []sendClaim
	findings []model.Finding
}

// implied finds the Services whose clients must be told.
func (a *sendAsker) implied(policies []policyTarget, rules []model.AcceptRule) impliedSends {
	parents := newParents(a.Snapshot, rules)
	var found impliedSends
	for _, rule := range rules {
		parent := parents.mode(rule.Revision)
		if !a.needsTelling(rule, parent) {
			continue
		}
		for _, front := range a.tightened(rule, parent) {
			if len(rule.Selector) == 0 && a.governedApart(front, rules) {
				continue
			}
			if obstacle := a.obstacle(front, rule); obstacle != "" {
				found.findings = append(found.findings, a.plaintextFindings(front, rule, obstacle)...)
				continue
			}
			found.told = append(found.told, front)
			for _, owner := range rule.Owners { // all of them: when one goes, the rule must not go with it
				found.claims = append(found.claims, front.claims(policyOf(policies, owner))...)
			}
		}
	}
	return found
}

// needsTelling says whether clients would not offer mutual TLS to the rule's pods. Of a whole namespace they learn where auto mTLS is
// on; what is said for the mesh cannot be answered by rules of one namespace.
func (a *sendAsker) needsTelling(rule model.AcceptRule, parent meshtlsv1alpha1.AcceptMode) bool {
	if len(rule.Selector) == 0 {
		return !a.Mesh.AutoMTLS && a.Namespace != a.Mesh.RootNamespace
	}
	return !a.Mesh.AutoMTLS || parent == meshtlsv1alpha1.AcceptDisable
}

// governedApart says whether a workload's rule is about some of the Service's pods: then its clients are told because of that rule.
func (a *sendAsker) governedApart(t tightenedService, rules []model.AcceptRule) bool {
	behind := a.pods.Selected(t.Selector)
	return slices.ContainsFunc(rules, func(rule model.AcceptRule) bool {
		return len(rule.Selector) > 0 && rule.Revision == t.set.revision &&
			slices.ContainsFunc(behind, func(w model.Workload) bool { return pods.Matches(rule.Selector, w.Labels) })
	})
}

func policyOf(policies []policyTarget, owner model.Owner) *meshtlsv1alpha1.MeshTLSPolicy {
	return policies[slices.IndexFunc(policies, func(p policyTarget) bool { return ownerOf(p.MeshTLSPolicy) == owner })].MeshTLSPolicy
}

// tightenedService is a Service with ports at which pods accept mutual TLS though clients would not offer it.
type tightenedService struct {
	model.Service
	set    sendSet
	owners []model.Owner
	ports  []int32
	// mixed are the ports that lead to workload ports of which some accept mutual TLS only and some plaintext only.
	mixed []int32
}

// claims are for the destination as a whole where all of its ports are tightened, else for the ports.
func (t tightenedService) claims(policy *meshtlsv1alpha1.MeshTLSPolicy) []sendClaim {
	ports := t.ports
	if len(ports) == len(t.Ports) {
		ports = []int32{0}
	}
	claims := make([]sendClaim, len(ports))
	for i, port := range ports {
		claims[i] = sendClaim{
			policy: policy, field: "spec.accept", ask: impliedAsk, key: sendKey{sendSet: t.set, port: port},
			value: sendValue{audience: model.AudienceAll, tls: meshtlsv1alpha1.ClientTLS{Mode: meshtlsv1alpha1.SendIstioMutual}},
		}
	}
	return claims
}

// tightened are the Services in front of the rule's pods that the rule tightens.
func (a *sendAsker) tightened(rule model.AcceptRule, parent meshtlsv1alpha1.AcceptMode) []tightenedService {
	selected := a.pods.Selected(rule.Selector)
	var found []tightenedService
	for _, service := range a.fronts.of(target{selector: rule.Selector}, selected) {
		t := tightenedService{
			Service: service, owners: rule.Owners,
			set: sendSet{revision: rule.Revision, host: hosts.OfService(service.Namespace, service.Name)},
		}
		for _, port := range service.Ports {
			modes := modesOf(rule, targetNumbers(port, selected), parent)
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

// modesOf are the modes of the workload ports.
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

// obstacle says why the clients of a Service cannot be told; empty: they can.
func (a *sendAsker) obstacle(t tightenedService, rule model.AcceptRule) string {
	others := slices.ContainsFunc(a.pods.Selected(t.Selector), func(w model.Workload) bool { return !pods.Matches(rule.Selector, w.Labels) })
	wide, decided := a.wide[t.set]
	above, wildcard := a.wildcardAbove(t.set)
	besides := a.foreign.besides(t.set)
	foreign := slices.IndexFunc(besides, isWide)
	switch {
	case len(t.mixed) > 0:
		return fmt.Sprintf("port %s leads to workload ports of which some accept mutual TLS only and some plaintext only", numberWords(t.mixed))
	case others:
		return "the Service also leads to pods that this policy is not about"
	case decided && wide.audience == model.AudienceNamespace:
		return fmt.Sprintf("%s of MeshTLSPolicy %s already decides what the namespace sends to it", wide.field, keyOf(wide.policy))
	case !decided && wildcard:
		return fmt.Sprintf("%s of MeshTLSPolicy %s already decides what is sent to %s, which covers it",
			above.field, keyOf(above.policy), above.host)
	case foreign >= 0:
		return fmt.Sprintf("DestinationRule %s/%s, which is not ours, already decides what is sent to it",
			besides[foreign].Namespace, besides[foreign].Name)
	default:
		return ""
	}
}

// plaintextFindings tell the policies of a rule that a Service's clients send plaintext, and why that is not changed. A strict port
// refuses it; one that accepts plaintext too takes it, and the mutual TLS that it also offers is never used.
func (a *sendAsker) plaintextFindings(t tightenedService, rule model.AcceptRule, obstacle string) []model.Finding {
	findings := make([]model.Finding, len(rule.Owners))
	for i, owner := range rule.Owners {
		findings[i] = model.Finding{
			Check:    "accept-clients-send-plaintext",
			Severity: meshtlsv1alpha1.SeverityError,
			Subject:  model.PolicyRef(types.NamespacedName{Namespace: a.Namespace, Name: owner.Name}),
			Related:  model.ObjectRef{Kind: "Service", Namespace: t.Namespace, Name: t.Name},
			Field:    "spec.accept",
			Message: fmt.Sprintf("Clients send plaintext to Service %s/%s, since %s; they cannot be told to use mutual TLS, since %s.",
				t.Namespace, t.Name, a.whyPlaintext(), obstacle),
			Remedy:    "Let the namespace accept Permissive instead of Disable, or send IstioMutual to the Service.",
			Condition: meshtlsv1alpha1.ConditionEffective, Reason: meshtlsv1alpha1.ReasonInert,
		}
	}
	return findings
}

func (a *sendAsker) whyPlaintext() string {
	if !a.Mesh.AutoMTLS {
		return "auto mTLS is off in the mesh"
	}
	return "the namespace or the mesh accepts plaintext only, and clients look no further"
}

// unmet tells the policies whose Services' clients are told something else by an entry of send.
func (a *sendAsker) unmet(implied impliedSends, decisions []sendDecision) []model.Finding {
	decided := make(map[sendKey]sendDecision, len(decisions))
	for _, d := range decisions {
		decided[d.key] = d
	}
	var findings []model.Finding
	for _, front := range implied.told {
		for _, port := range front.ports {
			d, own := decided[sendKey{sendSet: front.set, port: port}]
			if !own {
				d = decided[sendKey{sendSet: front.set}]
			}
			if d.value.tls.Mode != meshtlsv1alpha1.SendIstioMutual {
				findings = append(findings, a.otherwise(front, port, d)...)
			}
		}
	}
	return findings
}

// otherwise is the finding that an entry of send has the clients of a port send something else.
func (a *sendAsker) otherwise(front tightenedService, port int32, d sendDecision) []model.Finding {
	findings := make([]model.Finding, len(front.owners))
	for i, owner := range front.owners {
		findings[i] = model.Finding{
			Check: "accept-clients-send-otherwise", Severity: meshtlsv1alpha1.SeverityWarning,
			Subject: model.PolicyRef(types.NamespacedName{Namespace: a.Namespace, Name: owner.Name}), Related: policyRef(d.policy), Field: "spec.accept",
			Message: fmt.Sprintf("Clients need mutual TLS for port %d of %s, and %s of MeshTLSPolicy %s has them send %s.",
				port, front.set.host, d.field, keyOf(d.policy), sendValueWords(d.value)),
			Remedy: "Change the one or the other.",
		}
	}
	return findings
}
