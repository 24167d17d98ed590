package policy

import (
	"fmt"
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/model"
)

// Attributed returns the findings about the rendered objects of the namespace as findings about the policies that own them. Those about
// other objects are left out.
func Attributed(n Namespace, found []model.Finding) []model.Finding {
	w := world{Namespace: n, subjects: subjectsOf(n)}
	rendered := map[model.ObjectRef]metav1.Object{}
	for _, o := range n.Objects.All() {
		rendered[model.RefOf(o.GetObjectKind().GroupVersionKind().Kind, o)] = o
	}
	var findings []model.Finding
	for _, f := range found {
		if ours, is := rendered[f.Subject]; is {
			findings = append(findings, w.toOwnersOf(ours, f)...)
		}
	}
	return findings
}

// toOwnersOf tells the policies behind an object of ours what lint finds in it. A status shows no object, so the words name it.
func (w world) toOwnersOf(ours metav1.Object, f model.Finding) []model.Finding {
	place := istio.Origin{Object: f.Subject, Field: f.Field}
	path := f.Field
	f.Related = f.Subject
	f.Message = fmt.Sprintf("%s: %s", place, f.Message)
	f.Remedy += " What the operator writes is changed in the policy."
	var findings []model.Finding
	for _, owner := range w.behind(ours) {
		f.Subject, f.Field = model.PolicyRef(owner), w.fieldBehind(owner.Name, ours, path)
		findings = append(findings, f)
	}
	return findings
}

// behind are the policies that an object of ours is as it is for: of a DestinationRule those that say what is sent to its host, and if
// none does, those whose accept implies it for clients.
func (w world) behind(ours metav1.Object) []types.NamespacedName {
	owners := ownersOf(ours)
	rule, is := ours.(*istionetworkingv1.DestinationRule)
	if !is {
		return owners
	}
	senders := slices.DeleteFunc(slices.Clone(owners), func(owner types.NamespacedName) bool { return !w.sendsTo(owner.Name, rule.Spec.Host) })
	if len(senders) > 0 {
		return senders
	}
	return owners
}

// fieldBehind is the path in the policy's spec that a field of an object of ours comes from, as far as can be told.
func (w world) fieldBehind(policy string, ours metav1.Object, path string) string {
	switch typed := ours.(type) {
	case *istionetworkingv1.Gateway:
		var server int
		if _, err := fmt.Sscanf(path, "spec.servers[%d]", &server); err != nil {
			return "spec.gateway"
		}
		return w.serverField(policy, server)
	case *istionetworkingv1.DestinationRule:
		if w.sendsTo(policy, typed.Spec.Host) {
			return "spec.send"
		}
	}
	return "spec.accept"
}

// sendsTo reports whether the policy says what is sent to the host.
func (w world) sendsTo(policy, host string) bool {
	return slices.ContainsFunc(w.subjects, func(s subject) bool { return s.policy.Name == policy && s.sendsTo(host) })
}

func (s subject) sendsTo(host string) bool {
	for _, send := range s.policy.Spec.Send {
		for _, name := range send.Hosts {
			if hosts.Qualify(name, s.policy.Namespace) == host {
				return true
			}
		}
	}
	return false
}
