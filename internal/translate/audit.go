package translate

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/sets"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// fieldAudit is where a policy asks for an audit policy.
const fieldAudit = fieldRollout + ".evidence.audit"

// Audits says whether there is an audit policy in a phase, in which the target accepts the mode. It goes with the last step of the switch:
// that closes every connection anyway.
func Audits(phase meshtlsv1alpha1.RolloutPhase, mode meshtlsv1alpha1.AcceptMode) bool {
	observes := []meshtlsv1alpha1.RolloutPhase{
		meshtlsv1alpha1.RolloutObserving, meshtlsv1alpha1.RolloutBlocked, meshtlsv1alpha1.RolloutAwaitingApproval,
		meshtlsv1alpha1.RolloutSwitching, meshtlsv1alpha1.RolloutPaused,
	}
	return mode != meshtlsv1alpha1.AcceptStrict && slices.Contains(observes, phase)
}

// wantsAudit reports whether the policy's rollout asks for an audit policy.
func wantsAudit(p *policyTarget) bool {
	asked := p.Spec.Accept.Rollout.Evidence
	return p.target.scope == scopeWorkload && p.target.resolved() && asked != nil && asked.Audit == meshtlsv1alpha1.AuditEnabled
}

// asksForAudit reports likewise whether it does at its stage.
func asksForAudit(p *policyTarget) bool {
	return p.stage != nil && wantsAudit(p) && Audits(p.stage.told.Phase, p.stage.mode)
}

// auditIsDue reports whether the audit policy is written now: the status says since when. In manifests there is no status, and what is
// rendered of them is what there will be.
func auditIsDue(m indexed, p *policyTarget) bool {
	if p.Status.Rollout == nil {
		return true
	}
	at := p.stage.told.AuditAt
	return at != nil && !m.Now.Time.Before(at.Time)
}

// audits returns the audit policies that there are now. Policies for the same pods share one.
func audits(m indexed, policies []policyTarget) []model.AuditRule {
	var rules []model.AuditRule
	at := map[acceptSet]int{}
	for i := range policies {
		p := &policies[i]
		if !asksForAudit(p) || auditProblem(m, p) != "" || !auditIsDue(m, p) {
			continue
		}
		set := acceptSetOf(p)
		if shared, is := at[set]; is {
			rules[shared].Owners = addOwners(rules[shared].Owners, ownerOf(p.MeshTLSPolicy))
			continue
		}
		at[set] = len(rules)
		rules = append(rules, model.AuditRule{
			Revision: p.revision(), Selector: p.target.selector, Ports: auditedPorts(m, p), Owners: []model.Owner{ownerOf(p.MeshTLSPolicy)},
		})
	}
	return rules
}

// auditProblem says, as full sentences, why no audit policy is written for the policy's pods; empty: it is. A ztunnel that does not
// know of dry-run enforces what a newer istiod hands it, and what other proxies do is not known, so all pods must have sidecars.
// Source: istio releasenotes/notes/authz-dry-run-ambient.yaml.
func auditProblem(m indexed, p *policyTarget) string {
	audited, others := false, ""
	for _, w := range m.pods(p) {
		switch {
		case w.Dataplane == model.DataplaneNone:
		case w.Dataplane == model.DataplaneSidecar && !w.Gateway:
			audited = true
		default:
			others = w.Example
		}
	}
	switch {
	case m.NoAudit != "":
		return m.NoAudit
	case p.Namespace == m.Mesh.RootNamespace:
		return "In Istio's root namespace an AuthorizationPolicy selects pods of every namespace."
	case others != "":
		return fmt.Sprintf("It is for sidecars, and pod %s has none: other proxies may refuse what is only to be counted.", others)
	case !audited:
		return "No pod of the target has a sidecar."
	case len(auditedPorts(m, p)) == 0:
		return "No port of the target is known: neither a Service nor a container declares one."
	default:
		return ""
	}
}

// auditedPorts returns the ports of the policy's pods, ascending: those that Services lead to, and those that containers declare.
func auditedPorts(m indexed, p *policyTarget) []int32 {
	carried := mesh.Carried(m.view(p), p.Namespace, p.target.selector)
	numbers := sets.New[int32]()
	for _, port := range m.view(p).ServicePorts(carried...) {
		numbers.Insert(port.Target)
	}
	for _, w := range carried {
		for _, port := range w.Ports {
			numbers.Insert(port.Number)
		}
	}
	return sets.List(numbers.Difference(mesh.ProxyPorts))
}

// unwrittenAudits tell the policies that ask for an audit policy and get none.
func unwrittenAudits(m indexed, policies []policyTarget) []model.Finding {
	var findings []model.Finding
	for i := range policies {
		p := &policies[i]
		if !asksForAudit(p) {
			continue
		}
		if problem := auditProblem(m, p); problem != "" {
			findings = append(findings, model.Finding{
				Check: model.CheckAuditNotWritten, Severity: meshtlsv1alpha1.SeverityWarning, Subject: model.PolicyRef(p.key()),
				Field: fieldAudit, Message: "There is no audit policy. " + problem,
				Remedy: "Without it the rollout goes by Istio's metrics alone, which may not tell the port. Mend it, or set audit to Disabled.",
			})
		}
	}
	return findings
}
