package controllers

import (
	"maps"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/internal/apply"
	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/model"
)

// trim returns the caches' transform: it drops what nobody reads, which is the larger part of most objects.
func trim(cached any) (any, error) {
	obj, ok := cached.(client.Object)
	if !ok {
		return cached, nil
	}
	if _, longest := obj.GetAnnotations()[corev1.LastAppliedConfigAnnotation]; longest {
		shorter := maps.Clone(obj.GetAnnotations())
		delete(shorter, corev1.LastAppliedConfigAnnotation)
		obj.SetAnnotations(shorter)
	}
	// Only on what may be ours does it matter who has written to it.
	if model.Labelled(obj) {
		obj.SetManagedFields(apply.Hands(obj.GetManagedFields()))
	} else {
		obj.SetManagedFields(nil)
	}
	return gather.Trim(obj)
}
