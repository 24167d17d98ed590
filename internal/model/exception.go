package model

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// ExceptionStage says how near an exception from a floor is to its end. It changes at the moments that ExceptionMoments returns.
type ExceptionStage int

const (
	// ExceptionHolds: more than 14 days are left.
	ExceptionHolds ExceptionStage = iota
	// ExceptionEndsIn14Days: 14 days are left, or less.
	ExceptionEndsIn14Days
	// ExceptionEndsIn3Days: 3 days are left, or less.
	ExceptionEndsIn3Days
	// ExceptionEndsToday: it is the last day.
	ExceptionEndsToday
	// ExceptionEnded: the last day is over.
	ExceptionEnded
)

// What is found of exceptions from floors. The operator tells of the warnings among them by events, too.
const (
	// CheckExceptedFromFloor: an exception lets an entry below a floor.
	CheckExceptedFromFloor = "accept-excepted-from-floor"
	// CheckExceptionEnds: an exception from a policy's floor ends soon, or has ended.
	CheckExceptionEnds = "accept-floor-exception-ends"
)

// CheckAuditNotWritten: a rollout asks for an audit policy, and there is none.
const CheckAuditNotWritten = "accept-audit-not-written"

// daysBeforeEnd is how many days before its end an exception comes to each of the stages.
var daysBeforeEnd = map[ExceptionStage]int{
	ExceptionEndsIn14Days: 15, ExceptionEndsIn3Days: 4, ExceptionEndsToday: 1, ExceptionEnded: 0,
}

// ExceptionEnd returns the midnight, in UTC, that ends the exception's last day. A day that is none has ended long ago: admission lets
// none in, and what cannot be read lets nothing through.
func ExceptionEnd(e meshtlsv1alpha1.FloorException) metav1.Time {
	var begin metav1.Time
	if err := begin.UnmarshalQueryParameter(e.Until + "T00:00:00Z"); err != nil {
		return metav1.Time{}
	}
	return metav1.Time{Time: begin.UTC().AddDate(0, 0, 1)}
}

// ExceptionMoments returns when the exception comes to each of its later stages, ascending.
func ExceptionMoments(e meshtlsv1alpha1.FloorException) []metav1.Time {
	var moments []metav1.Time
	for stage := ExceptionEndsIn14Days; stage <= ExceptionEnded; stage++ {
		moments = append(moments, metav1.Time{Time: ExceptionEnd(e).AddDate(0, 0, -daysBeforeEnd[stage])})
	}
	return moments
}

// StageOf returns the stage of the exception at a time.
func StageOf(e meshtlsv1alpha1.FloorException, now metav1.Time) ExceptionStage {
	stage := ExceptionHolds
	for _, moment := range ExceptionMoments(e) {
		if !now.Before(&moment) {
			stage++
		}
	}
	return stage
}

// ExceptionsOf returns the exceptions from the policy's floor, each with the namespace of the policy that it is for.
func ExceptionsOf(p *meshtlsv1alpha1.MeshTLSPolicy) []meshtlsv1alpha1.FloorException {
	if p.Spec.Accept == nil || p.Spec.Accept.Floor == "" {
		return nil
	}
	exceptions := make([]meshtlsv1alpha1.FloorException, 0, len(p.Spec.Accept.FloorExceptions))
	for _, e := range p.Spec.Accept.FloorExceptions {
		if e.Namespace == "" {
			e.Namespace = p.Namespace
		}
		exceptions = append(exceptions, e)
	}
	return exceptions
}
