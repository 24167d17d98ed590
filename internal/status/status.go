package status

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// Of returns the status of a policy: what the compile made of it and, in failures, what of its namespace could not be written. The
// conditions come without transition times. Whatever the outcome holds, the API server takes the status: what it has no room for is
// left out and counted.
func Of(o model.Outcome, mesh model.Mesh, failures []model.Failure) meshtlsv1alpha1.MeshTLSPolicyStatus {
	var s meshtlsv1alpha1.MeshTLSPolicyStatus
	for _, r := range rooms {
		if s = r.statusOf(o, mesh, failures); fits(s) {
			break
		}
	}
	return s
}

func (r room) statusOf(o model.Outcome, mesh model.Mesh, failures []model.Failure) meshtlsv1alpha1.MeshTLSPolicyStatus {
	o.Findings, mesh, failures = r.findingsIn(o.Findings), r.meshIn(mesh), r.failuresIn(failures)
	o.Rollout = r.rolloutIn(o.Rollout)
	return meshtlsv1alpha1.MeshTLSPolicyStatus{
		ObservedGeneration: o.Generation,
		Target:             cut(o.Target, r.words),
		Accepts:            r.enumerate(o.Accepts, ", "),
		Sends:              r.enumerate(o.Sends, "; "),
		Serves:             r.enumerate(o.Serves, "; "),
		Renders:            strings.Join(rendered(o.Objects), ", "),
		AcceptPorts:        r.acceptPortsIn(o.AcceptPorts),
		AcceptPortsOmitted: omitted(o.AcceptPorts, r.acceptPorts),
		Objects:            o.Objects[:min(len(o.Objects), r.objects)],
		ObjectsOmitted:     omitted(o.Objects, r.objects),
		Findings:           listed(o.Findings[:min(len(o.Findings), r.findings)]),
		FindingsCount:      int32(len(o.Findings)),
		FindingsSummary:    severities(o.Findings),
		Rollout:            o.Rollout,
		Conditions:         conditions(o, mesh, failures),
	}
}

func listed(found []model.Finding) []meshtlsv1alpha1.Finding {
	var findings []meshtlsv1alpha1.Finding
	for _, f := range found {
		findings = append(findings, meshtlsv1alpha1.Finding{
			Check: f.Check, Severity: f.Severity, Field: f.Field, Message: sentences(f.Message, f.Remedy),
		})
	}
	return findings
}

func sentences(parts ...string) string {
	return strings.TrimSpace(strings.Join(parts, " "))
}

// conditions returns the four that Ready is derived from, Ready, that of a rollout, and those of kstatus that are true.
func conditions(o model.Outcome, mesh model.Mesh, failures []model.Failure) []metav1.Condition {
	accepted := acceptedOf(o)
	resolved := resolvedRefsOf(o)
	programmed := programmedOf(o, accepted, failures)
	effective := effectiveOf(o, accepted, resolved, programmed)
	rolledOut, rolling := rolledOutOf(o)
	all := []metav1.Condition{readyOf(o, mesh, accepted, resolved, programmed, effective), accepted, resolved, programmed, effective}
	if rolling {
		all = append(all, rolledOut)
	}
	progress := progressOf(accepted, resolved, programmed, effective)
	if len(progress) == 0 && o.RolloutStalled {
		progress = []metav1.Condition{raised(meshtlsv1alpha1.ConditionStalled, all[0])}
	}
	all = append(all, progress...)
	for i := range all {
		all[i].ObservedGeneration = o.Generation
	}
	return all
}
