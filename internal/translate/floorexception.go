package translate

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// floorVerdict is what the floors say of an entry.
type floorVerdict struct {
	denied *model.Finding
	// notes tell of the exceptions that let the entry through, and until is the first day that ends one.
	notes []model.Finding
	until string
}

// exceptionFor returns the exception of the floor that lets the entry through: of several the one that lasts longest.
func (f floor) exceptionFor(asked acceptAsked, now metav1.Time) (meshtlsv1alpha1.FloorException, bool) {
	last, found := f.lastException(asked)
	return last, found && model.StageOf(last, now) != model.ExceptionEnded
}

// lastException returns the exception for the entry that ends last, if there is one.
func (f floor) lastException(asked acceptAsked) (last meshtlsv1alpha1.FloorException, found bool) {
	for _, e := range model.ExceptionsOf(f.from) {
		ofPolicy := e.Policy == asked.policy.Name && e.Namespace == asked.policy.Namespace
		if ofPolicy && coversPorts(e, asked.ports.numbers) && (!found || e.Until > last.Until) {
			last, found = e, true
		}
	}
	return last, found
}

// coversPorts reports whether the exception is for all of the ports; port 0 stands for the workload as a whole.
func coversPorts(e meshtlsv1alpha1.FloorException, ports []int32) bool {
	return len(e.Ports) == 0 || !slices.ContainsFunc(ports, func(port int32) bool { return !slices.Contains(e.Ports, port) })
}

// endedWords say that there was an exception for the entry.
func (f floor) endedWords(asked acceptAsked) string {
	if last, found := f.lastException(asked); found {
		return fmt.Sprintf(" The exception for it ended with %s.", last.Until)
	}
	return ""
}

func exceptedFromFloor(asked acceptAsked, f floor, e meshtlsv1alpha1.FloorException, now metav1.Time) model.Finding {
	stage := model.StageOf(e, now)
	return model.Finding{
		Check:    model.CheckExceptedFromFloor,
		Severity: exceptionSeverity(stage),
		Subject:  model.PolicyRef(keyOf(asked.policy)),
		Related:  policyRef(f.from),
		Field:    asked.field,
		Message: fmt.Sprintf("%s; an exception lets it through until %s (%s).%s",
			f.belowWords(asked), e.Until, e.Reason, stageWords[stage]),
		Remedy: fmt.Sprintf("Declare %s or a stricter mode by then: after that day the entry is not rendered.", f.weakest),
	}
}

// stageWords say how near the end is.
var stageWords = map[model.ExceptionStage]string{
	model.ExceptionEndsIn14Days: " It ends within 14 days.",
	model.ExceptionEndsIn3Days:  " It ends within 3 days.",
	model.ExceptionEndsToday:    " This is its last day.",
	model.ExceptionEnded:        " It has ended.",
}

func exceptionSeverity(stage model.ExceptionStage) meshtlsv1alpha1.Severity {
	if stage == model.ExceptionHolds {
		return meshtlsv1alpha1.SeverityInfo
	}
	return meshtlsv1alpha1.SeverityWarning
}

// endingExceptions tell the policies that set floors which of their exceptions end soon, or have ended.
func endingExceptions(policies []policyTarget, now metav1.Time) []model.Finding {
	var findings []model.Finding
	for i := range policies {
		p := policies[i].MeshTLSPolicy
		for n, e := range model.ExceptionsOf(p) {
			if stage := model.StageOf(e, now); stage != model.ExceptionHolds {
				findings = append(findings, exceptionEnds(p, n, stage))
			}
		}
	}
	return findings
}

func exceptionEnds(p *meshtlsv1alpha1.MeshTLSPolicy, index int, stage model.ExceptionStage) model.Finding {
	e := model.ExceptionsOf(p)[index]
	f := model.Finding{
		Check:    model.CheckExceptionEnds,
		Severity: meshtlsv1alpha1.SeverityWarning,
		Subject:  model.PolicyRef(keyOf(p)),
		Related:  model.PolicyRef(types.NamespacedName{Namespace: e.Namespace, Name: e.Policy}),
		Field:    fmt.Sprintf("spec.accept.floorExceptions[%d]", index),
		Message: fmt.Sprintf("The exception from the floor %s for MeshTLSPolicy %s/%s lasts until %s (%s).%s",
			p.Spec.Accept.Floor, e.Namespace, e.Policy, e.Until, e.Reason, stageWords[stage]),
		Remedy: "See to it that the policy can do without, or set a later day.",
	}
	if stage == model.ExceptionEnded {
		f.Severity, f.Remedy = meshtlsv1alpha1.SeverityInfo, "Remove it from the list."
	}
	return f
}
