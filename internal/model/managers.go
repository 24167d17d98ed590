package model

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// managers are what GitOps tools put on the objects that they apply, by the tool.
var managers = []struct{ key, tool string }{
	{"kustomize.toolkit.fluxcd.io/name", "Flux Kustomization"},
	{"helm.toolkit.fluxcd.io/name", "Flux HelmRelease"},
	{"argocd.argoproj.io/tracking-id", "Argo CD application"},
	{"argocd.argoproj.io/instance", "Argo CD application"},
}

// ManagedBy names what would undo a change of the object in the cluster; empty: nothing is known to.
func ManagedBy(o metav1.Object) string {
	for _, m := range managers {
		for _, marks := range []map[string]string{o.GetLabels(), o.GetAnnotations()} {
			if name, marked := marks[m.key]; marked {
				name, _, _ = strings.Cut(name, ":")
				return m.tool + " " + name
			}
		}
	}
	return ""
}
