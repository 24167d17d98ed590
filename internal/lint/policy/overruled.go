package policy

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/model"
)

// overruling is an object of ours that Istio does not use, and the one that it uses in its place.
type overruling struct {
	loser, winner model.ObjectRef
	// host is the destination, for a DestinationRule.
	host string
}

// overruled counts the pods for which objects of ours are overruled.
type overruled map[overruling]int

// inOrder returns the overrulings by name.
func (o overruled) inOrder() []overruling {
	return slices.SortedFunc(maps.Keys(o), func(a, b overruling) int {
		return cmp.Or(strings.Compare(a.loser.String(), b.loser.String()), strings.Compare(a.winner.String(), b.winner.String()),
			strings.Compare(a.host, b.host))
	})
}

// ownersOf returns the policies behind an object of ours.
func ownersOf(o metav1.Object) []types.NamespacedName {
	owners := make([]types.NamespacedName, len(o.GetOwnerReferences()))
	for i, owner := range o.GetOwnerReferences() {
		owners[i] = types.NamespacedName{Namespace: o.GetNamespace(), Name: owner.Name}
	}
	return owners
}

// overruledBy words who is in the way: a policy, if the object is ours, else the object alone.
func (v view) overruledBy(winner model.ObjectRef) (words, reason string) {
	owners := ownersOf(v.plannedObject(winner))
	if len(owners) == 0 {
		return winner.String(), meshtlsv1alpha1.ReasonShadowed
	}
	names := make([]string, len(owners))
	for i, owner := range owners {
		names[i] = owner.String()
	}
	return fmt.Sprintf("%s (from MeshTLSPolicy %s)", winner, strings.Join(names, ", ")), meshtlsv1alpha1.ReasonOverlapped
}

// plannedObject returns the rendered object of that name; one without owners where it is not ours.
func (v view) plannedObject(ref model.ObjectRef) metav1.Object {
	if o, ours := v.peerAuthentications[ref]; ours {
		return o
	}
	if o, ours := v.destinationRules[ref]; ours {
		return o
	}
	if o, ours := v.gateways[ref]; ours {
		return o
	}
	return &metav1.ObjectMeta{}
}

// overruledFinding tells one policy that an object of its does nothing, wholly or for some pods.
func (v view) overruledFinding(owner types.NamespacedName, o overruling, field, message string) model.Finding {
	_, reason := v.overruledBy(o.winner)
	remedy := fmt.Sprintf("Delete or change %s, or target other pods.", o.winner)
	if reason == meshtlsv1alpha1.ReasonOverlapped {
		remedy = "Make the targets of the two policies equal, so that they are folded, or disjoint."
	}
	return model.Finding{
		Severity: lint.Error, Subject: model.PolicyRef(owner), Related: o.winner, Field: field,
		Message: message, Remedy: remedy, Condition: meshtlsv1alpha1.ConditionEffective, Reason: reason,
	}
}

func toOwners(f model.Finding, namespace string, owners []model.Owner) []model.Finding {
	findings := make([]model.Finding, len(owners))
	for i, owner := range owners {
		findings[i] = f
		findings[i].Subject = model.ObjectRef{Kind: model.KindPolicy, Namespace: namespace, Name: owner.Name}
	}
	return findings
}
