package translate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// scope is how much of the mesh a policy governs.
type scope int

const (
	scopeMesh scope = iota
	scopeNamespace
	scopeWorkload
	scopeGateway
)

// field returns the field of the spec that names the pods of the scope.
func (s scope) field() string {
	if s == scopeGateway {
		return "gateway"
	}
	return "workload"
}

// target is whose TLS a policy governs.
type target struct {
	scope scope
	// selector are the labels of the pods; nil in the scopes mesh and namespace, and where the target is unresolved.
	selector map[string]string
	// service is the Service that the target names; nil: it names none, or the Service is missing.
	service *model.Service
	// words are the target as the status shows it.
	words string
	// problem says why the target cannot be found out; nil: it was.
	problem *model.Finding
}

// resolved reports whether the target's pods are known.
func (t target) resolved() bool { return t.problem == nil }

// targetOf finds out whose TLS the policy governs.
func targetOf(m indexed, policy *meshtlsv1alpha1.MeshTLSPolicy) target {
	switch {
	case policy.Spec.Workload != nil:
		return podTarget(m, policy, scopeWorkload, policy.Spec.Workload)
	case policy.Spec.Gateway != nil:
		return podTarget(m, policy, scopeGateway, policy.Spec.Gateway)
	case policy.Namespace == m.Mesh.RootNamespace:
		return target{scope: scopeMesh, words: "mesh"}
	default:
		return target{scope: scopeNamespace, words: "namespace " + policy.Namespace}
	}
}

func podTarget(m indexed, policy *meshtlsv1alpha1.MeshTLSPolicy, in scope, ref *meshtlsv1alpha1.Target) target {
	kind := in.field()
	if labels := model.LabelsOf(ref); labels != nil {
		return target{scope: in, selector: labels, words: kind + " " + podWords(ref)}
	}
	t := target{scope: in, words: kind + " behind service " + ref.Service}
	service, exists := m.views.Of(m.revisionOf(policy)).Service(policy.Namespace, ref.Service)
	if !exists || len(service.Selector) == 0 {
		t.problem = serviceProblem(policy, kind, ref.Service, exists)
		return t
	}
	t.service, t.selector = service, service.Selector
	return t
}

func serviceProblem(policy *meshtlsv1alpha1.MeshTLSPolicy, kind, name string, exists bool) *model.Finding {
	f := model.Finding{
		Check:     "target-service-not-found",
		Severity:  meshtlsv1alpha1.SeverityError,
		Subject:   model.PolicyRef(keyOf(policy)),
		Related:   model.ObjectRef{Kind: model.KindService, Namespace: policy.Namespace, Name: name},
		Field:     "spec." + kind + ".service",
		Message:   fmt.Sprintf("Service %s/%s does not exist.", policy.Namespace, name),
		Remedy:    "Create it, or name the pods by selector; what was written for the policy before stays until then.",
		Condition: meshtlsv1alpha1.ConditionResolvedRefs,
		Reason:    meshtlsv1alpha1.ReasonServiceNotFound,
	}
	if exists {
		f.Message = fmt.Sprintf("Service %s/%s has no selector, so it names no pods.", policy.Namespace, name)
		f.Remedy = "Name the pods by selector."
		return &f
	}
	f.Absent = f.Related
	return &f
}

// podWords say which pods the target itself selects.
func podWords(ref *meshtlsv1alpha1.Target) string {
	if ref.Gateway != nil {
		return ref.Gateway.Name + " (Gateway API)"
	}
	return labelWords(model.LabelsOf(ref))
}

// labelWords writes labels as a label selector does: a=1,b=2.
func labelWords(labels map[string]string) string {
	words := make([]string, 0, len(labels))
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		words = append(words, k+"="+labels[k])
	}
	return strings.Join(words, ",")
}
