package mesh

import (
	"slices"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// InForce returns what the pods of a namespace with the labels accept, at ports without a mode of their own. Of pods that differ
// it is the weakest. Without labels it is what is said of the namespace.
func InForce(v *View, namespace string, labels map[string]string) meshtlsv1alpha1.AcceptMode {
	var weakest meshtlsv1alpha1.AcceptMode
	for _, w := range governedBy(v, namespace, labels) {
		if mode := v.Accept(w).Workload.Mode; weakest == "" || weakerThan(mode, weakest) {
			weakest = mode
		}
	}
	return weakest
}

// StrictInForce reports whether all pods of a namespace with the labels are Strict at the port.
func StrictInForce(v *View, namespace string, labels map[string]string, port int32) bool {
	return !slices.ContainsFunc(governedBy(v, namespace, labels), func(w *model.Workload) bool {
		return v.Accept(w).Port(port).Mode != meshtlsv1alpha1.AcceptStrict
	})
}

// Carried returns the pods of a namespace with the labels for which a proxy takes what is called. Gateways are not among them.
func Carried(v *View, namespace string, labels map[string]string) []*model.Workload {
	return slices.DeleteFunc(slices.Clone(v.Selected(namespace, labels)), func(w *model.Workload) bool { return !carried(w) })
}

func carried(w *model.Workload) bool {
	return !w.Gateway && (w.Dataplane == model.DataplaneSidecar || w.Dataplane == model.DataplaneAmbient)
}

// governedBy returns the pods that say what is in force for a selector. Where there are none it is a pod that only has its labels.
func governedBy(v *View, namespace string, labels map[string]string) []*model.Workload {
	if len(labels) > 0 {
		if pods := Carried(v, namespace, labels); len(pods) > 0 {
			return pods
		}
	}
	return []*model.Workload{{Namespace: namespace, Labels: labels, Dataplane: model.DataplaneSidecar}}
}

// weakerThan reports whether the mode refuses less than the other.
func weakerThan(mode, other meshtlsv1alpha1.AcceptMode) bool {
	order := []meshtlsv1alpha1.AcceptMode{meshtlsv1alpha1.AcceptDisable, meshtlsv1alpha1.AcceptPermissive, meshtlsv1alpha1.AcceptStrict}
	return slices.Index(order, mode) < slices.Index(order, other)
}
