package controllers

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// reasonMeaningChanged is the reason of the event that a policy means something else than before, although nobody changed it.
const reasonMeaningChanged = "MeaningChanged"

// recordMeaning tells that others changed what the policy means: a Service that selects other pods or leads to another port, a pod that gives
// a port's name to another number. Who may do so need have no rights on policies.
func (r *Reconciler) recordMeaning(policy *meshtlsv1alpha1.MeshTLSPolicy, now meshtlsv1alpha1.MeshTLSPolicyStatus) {
	before := policy.Status
	if before.ObservedGeneration != now.ObservedGeneration {
		return
	}
	shifts := portShifts(before, now)
	if target := policy.Spec.Workload; target != nil && target.Service != "" && disjoint(before.Objects, now.Objects) {
		shifts = append([]string{fmt.Sprintf("Service %s selects other pods than before", target.Service)}, shifts...)
	}
	if len(shifts) > 0 {
		r.record(policy, announcement{
			severity: corev1.EventTypeWarning, reason: reasonMeaningChanged, action: actionReconcile,
			note: "By Services and pods, not by its spec, the policy means something else: " + strings.Join(shifts, "; ") + ".",
		})
	}
}

// disjoint reports whether all objects have become others. They are named after the labels of the pods that they are for.
func disjoint(before, now []meshtlsv1alpha1.ObjectReference) bool {
	return len(before) > 0 && len(now) > 0 &&
		!slices.ContainsFunc(before, func(ref meshtlsv1alpha1.ObjectReference) bool { return slices.Contains(now, ref) })
}

// portShifts says which ports got a mode of their own, or lost it.
func portShifts(before, now meshtlsv1alpha1.MeshTLSPolicyStatus) []string {
	var shifts []string
	was, is := ownModes(before), ownModes(now)
	for _, port := range is {
		if !slices.ContainsFunc(was, func(old meshtlsv1alpha1.AcceptPortStatus) bool { return old.Port == port.Port && old.Mode == port.Mode }) {
			shifts = append(shifts, fmt.Sprintf("port %d is %s now (%s)", port.Port, port.Mode, whence(port)))
		}
	}
	for _, port := range was {
		if !slices.ContainsFunc(is, func(left meshtlsv1alpha1.AcceptPortStatus) bool { return left.Port == port.Port }) {
			shifts = append(shifts, fmt.Sprintf("port %d is not %s by %s any more", port.Port, port.Mode, port.Origin))
		}
	}
	return shifts
}

// ownModes returns the ports whose mode is that of an entry for ports.
func ownModes(s meshtlsv1alpha1.MeshTLSPolicyStatus) []meshtlsv1alpha1.AcceptPortStatus {
	return slices.DeleteFunc(slices.Clone(s.AcceptPorts), func(port meshtlsv1alpha1.AcceptPortStatus) bool {
		return !strings.HasPrefix(port.Origin, "spec.accept.ports")
	})
}

// whence says which entry, and which Service ports, give a port its mode.
func whence(port meshtlsv1alpha1.AcceptPortStatus) string {
	if len(port.ServicePorts) == 0 {
		return port.Origin
	}
	return port.Origin + ", Service port " + strings.Join(port.ServicePorts, ", ")
}
