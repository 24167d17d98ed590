package status

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// maxFindings and maxObjects are the room that the status has (MaxItems of status.findings and status.objects).
const (
	maxFindings = 32
	maxObjects  = 8192
)

// Of is the status of a policy: what the compile made of it and, in failures, what of its namespace could not be written. The
// conditions come without transition times.
func Of(o model.Outcome, mesh model.Mesh, failures []model.Failure) meshtlsv1alpha1.MeshTLSPolicyStatus {
	return meshtlsv1alpha1.MeshTLSPolicyStatus{
		ObservedGeneration: o.Generation,
		Target:             o.Target,
		Accepts:            o.Accepts,
		Sends:              o.Sends,
		Renders:            strings.Join(rendered(o.Objects), ", "),
		AcceptPorts:        o.AcceptPorts,
		Objects:            o.Objects[:min(len(o.Objects), maxObjects)],
		Findings:           findings(o.Findings),
		FindingsCount:      int32(len(o.Findings)),
		Conditions:         conditions(o, mesh, failures),
	}
}

func findings(found []model.Finding) []meshtlsv1alpha1.Finding {
	var listed []meshtlsv1alpha1.Finding
	for _, f := range found[:min(len(found), maxFindings)] {
		listed = append(listed, meshtlsv1alpha1.Finding{
			Check: f.Check, Severity: f.Severity, Field: f.Field, Message: sentences(f.Message, f.Remedy),
		})
	}
	return listed
}

func sentences(parts ...string) string {
	return strings.TrimSpace(strings.Join(parts, " "))
}

// conditions are the four that Ready is derived from, Ready, and those of kstatus that are true.
func conditions(o model.Outcome, mesh model.Mesh, failures []model.Failure) []metav1.Condition {
	accepted := acceptedOf(o)
	resolved := resolvedRefsOf(o)
	programmed := programmedOf(o, accepted, failures)
	effective := effectiveOf(o, accepted, resolved, programmed)
	all := []metav1.Condition{readyOf(o, mesh, accepted, resolved, programmed, effective), accepted, resolved, programmed, effective}
	all = append(all, progressOf(accepted, resolved, programmed, effective)...)
	for i := range all {
		all[i].ObservedGeneration = o.Generation
	}
	return all
}
