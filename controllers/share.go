package controllers

import (
	"maps"
	"slices"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/apply"
)

// What nearly all objects that the operator writes say alike. Nobody changes what is in a cache, so they share it.
var (
	ourLabels = map[string]string{meshtlsv1alpha1.LabelManagedBy: meshtlsv1alpha1.ManagedBy}
	ourHands  = []metav1.ManagedFieldsEntry{{Manager: apply.FieldManager, Operation: metav1.ManagedFieldsOperationApply}}
)

// share gives an object for a cache what others have said already in place of its own: with thousands of policies and their objects, a
// large part of the memory is the same few words.
func share(obj client.Object) {
	if maps.Equal(obj.GetLabels(), ourLabels) {
		obj.SetLabels(ourLabels)
	}
	if slices.Equal(obj.GetManagedFields(), ourHands) {
		obj.SetManagedFields(ourHands)
	}
	if kind, typed := obj.GetObjectKind().(*metav1.TypeMeta); typed {
		kind.APIVersion, kind.Kind = said.once(kind.APIVersion), said.once(kind.Kind)
	}
	if owners := obj.GetOwnerReferences(); len(owners) > 0 {
		for i := range owners {
			owners[i].APIVersion, owners[i].Kind = said.once(owners[i].APIVersion), said.once(owners[i].Kind)
		}
		obj.SetOwnerReferences(owners)
	}
	if policy, is := obj.(*meshtlsv1alpha1.MeshTLSPolicy); is {
		policy.Status.Conditions = sharedConditions(policy.Status.Conditions)
	}
}

// sharedConditions returns the conditions with what few words they consist of, in a list that is as long as they are: a decoder makes
// longer ones.
func sharedConditions(conditions []metav1.Condition) []metav1.Condition {
	conditions = slices.Clone(conditions)
	for i := range conditions {
		c := &conditions[i]
		c.Type, c.Reason, c.Status = said.once(c.Type), said.once(c.Reason), metav1.ConditionStatus(said.once(string(c.Status)))
	}
	return conditions
}

// words keeps one copy of each word. It is bounded, since owners may be of any kind that a cluster has.
type words struct {
	mu   sync.Mutex
	seen map[string]string
}

const mostWords = 1000

// said are the words of all caches.
var said = &words{seen: map[string]string{}}

// once returns the same memory for the same word.
func (w *words) once(word string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if known, is := w.seen[word]; is {
		return known
	}
	if len(w.seen) < mostWords {
		w.seen[word] = word
	}
	return word
}
