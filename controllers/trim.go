package controllers

import (
	"maps"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/internal/apply"
	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/verbatim"
)

// trim returns the caches' transform: it drops what nobody reads, which is the larger part of most objects.
func trim(cached any) (any, error) {
	obj, ok := cached.(client.Object)
	if !ok {
		return cached, nil
	}
	if _, longest := obj.GetAnnotations()[corev1.LastAppliedConfigAnnotation]; longest {
		obj.SetAnnotations(without(obj.GetAnnotations(), corev1.LastAppliedConfigAnnotation))
	}
	// Only on what may be ours does it matter who has written to it, and who owns which field only of what a newer Istio may have set.
	switch {
	case !model.Labelled(obj):
		obj.SetManagedFields(nil)
	case !keepsUnknown(obj):
		obj.SetManagedFields(apply.Hands(obj.GetManagedFields()))
	}
	share(obj)
	return gather.Trim(obj)
}

// without returns the annotations but for one; nil: there are no others.
func without(annotations map[string]string, name string) map[string]string {
	if len(annotations) == 1 {
		return nil
	}
	shorter := maps.Clone(annotations)
	delete(shorter, name)
	return shorter
}

// keepsUnknown reports whether the object has fields that Istio's types do not know.
func keepsUnknown(obj client.Object) bool {
	spec := verbatim.SpecOf(obj)
	return spec != nil && len(verbatim.Names(spec)) > 0
}
