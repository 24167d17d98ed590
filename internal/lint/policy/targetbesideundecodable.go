package policy

import (
	"fmt"
	"slices"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	add(lint.About{
		Name:     "target-beside-undecodable",
		Severity: []lint.Severity{lint.Error},
		Reasons:  []string{meshtlsv1alpha1.ReasonUndecodable},
		Finds: "an object of Istio's that may decide what the policy decides and whose spec cannot be decoded, such as one that an older CRD " +
			"let through: in the namespace, in Istio's root namespace, in that of a host that the policy sends to; Gateways of any namespace " +
			"for a gateway's policy, and VirtualServices and ServiceEntries of any for one that sends.",
		Why: "Nobody can say what such an object does: Istio's control plane reads it by the same types, and may have stopped to hear of all " +
			"objects of the kind. `Effective` is `Unknown` as long as it is there.",
		Fix: "Correct its spec, or delete it. `kubectl get -o yaml` shows what is stored.",
	}, targetBesideUndecodable)
}

// targetBesideUndecodable finds the objects that could not be decoded and may be for the same pods, hosts or gateways as a policy.
func targetBesideUndecodable(w world) []model.Finding {
	var findings []model.Finding
	for _, s := range w.subjects {
		for _, object := range w.Snapshot.Undecoded {
			if !w.mayDecideFor(s, object) {
				continue
			}
			f := s.about(lint.Error, "spec")
			f.Related = object.ObjectRef
			f.Message = fmt.Sprintf("The spec of %s cannot be decoded (%s), so it is not known what it decides.", object.ObjectRef, object.Problem)
			f.Remedy = "Correct its spec, or delete it."
			f.Condition, f.Reason = meshtlsv1alpha1.ConditionEffective, meshtlsv1alpha1.ReasonUndecodable
			findings = append(findings, f)
		}
	}
	return findings
}

// mayDecideFor reports whether an object of which only the metadata is known may decide what the policy does. Whom Istio looks at objects of
// another namespace for depends on the kind.
func (w world) mayDecideFor(s subject, object model.Undecoded) bool {
	if object.Namespace == w.Snapshot.Namespace || object.Namespace == w.Snapshot.Mesh.RootNamespace {
		return true
	}
	spec := s.policy.Spec
	switch object.Kind {
	case model.KindGateway:
		return spec.Gateway != nil
	case model.KindVirtualService, model.KindServiceEntry:
		return spec.Gateway != nil || len(spec.Send) > 0
	case model.KindPeerAuthentication, model.KindDestinationRule, model.KindWorkloadEntry:
		return w.sendsInto(s, object.Namespace)
	default:
		return false
	}
}

// sendsInto reports whether the policy sends to a host of the namespace.
func (w world) sendsInto(s subject, namespace string) bool {
	return slices.ContainsFunc(w.sentHosts, func(h sentHost) bool {
		return h.subject.policy == s.policy &&
			slices.ContainsFunc(h.declared, func(d model.Host) bool { return d.Namespace == namespace })
	})
}
