package agreement

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/lint/all"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// Accused returns the errors that the checks of Istio's objects find in an object of ours, as if somebody else had written it, while the
// policies behind it are all Ready.
func (w World) Accused() []string {
	ready := w.Ready()
	ours := map[model.ObjectRef]metav1.Object{}
	for o, kind := range mesh.Objects(w.Mesh) {
		if model.Ours(o) {
			ours[model.RefOf(kind, o)] = o
		}
	}
	var accused []string
	all := lint.Ordered(w.unspared())
	for _, f := range all {
		if ours[f.Subject] == nil || f.Severity != lint.Error || isCopied(f, all, ours) {
			continue
		}
		owners := ours[f.Subject].GetOwnerReferences()
		if allReady(f.Subject.Namespace, owners, ready) && !w.hearTwin(f, owners) {
			accused = append(accused, fmt.Sprintf("%s, whose policies are Ready: %s: %s", f.Subject, f.Check, f.Message))
		}
	}
	return accused
}

// twins are the warnings that policies have where a check of Istio's objects finds an error: what the policy says is done, and the warning
// says that it is probably not meant.
var twins = map[string]string{
	"peerauthentication-port-of-service":          "accept-port-not-declared",
	"peerauthentication-strict-without-auto-mtls": "accept-auto-mtls-off",
}

// hearTwin reports whether a policy behind the finding's object has the twin of the finding, or has muted it.
func (w World) hearTwin(f model.Finding, owners []metav1.OwnerReference) bool {
	twin := twins[f.Check]
	return twin != "" && slices.ContainsFunc(owners, func(o metav1.OwnerReference) bool {
		return slices.ContainsFunc(w.Policies, func(p *meshtlsv1alpha1.MeshTLSPolicy) bool {
			return p.UID == o.UID && (w.hears(p, twin) || strings.Contains(p.Annotations[meshtlsv1alpha1.AnnotationMute], twin))
		})
	})
}

// isCopied reports whether the same is found in an object of somebody else: what is written for a send starts from a copy of the
// DestinationRule that it takes the place of, faults included, and lint tells of that one.
func isCopied(f model.Finding, all []model.Finding, ours map[model.ObjectRef]metav1.Object) bool {
	return slices.ContainsFunc(all, func(other model.Finding) bool {
		return other.Check == f.Check && other.Message == f.Message && ours[other.Subject] == nil
	})
}

// unspared returns what every check finds, in the objects that the operator writes, too.
func (w World) unspared() []model.Finding {
	checks := all.Checks()
	for i := range checks {
		checks[i].Ours = true
	}
	var findings []model.Finding
	for _, revision := range mesh.Revisions(w.Mesh) {
		findings = append(findings, lint.Run(w.view(revision), checks)...)
	}
	return findings
}

func allReady(namespace string, owners []metav1.OwnerReference, ready map[types.NamespacedName]bool) bool {
	for _, o := range owners {
		if !ready[types.NamespacedName{Namespace: namespace, Name: o.Name}] {
			return false
		}
	}
	return len(owners) > 0
}
