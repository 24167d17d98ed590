package controllers

import (
	"fmt"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/apply"
)

func TestShare(t *testing.T) {
	written := func() *meshtlsv1alpha1.MeshTLSPolicy {
		p := &meshtlsv1alpha1.MeshTLSPolicy{
			TypeMeta: metav1.TypeMeta{APIVersion: strings.Clone("a/v1"), Kind: strings.Clone("Some")},
			ObjectMeta: metav1.ObjectMeta{
				Name:            "a",
				Labels:          map[string]string{meshtlsv1alpha1.LabelManagedBy: meshtlsv1alpha1.ManagedBy},
				OwnerReferences: []metav1.OwnerReference{{APIVersion: strings.Clone("a/v1"), Kind: strings.Clone("Owner"), Name: "b"}},
				ManagedFields:   []metav1.ManagedFieldsEntry{{Manager: apply.FieldManager, Operation: metav1.ManagedFieldsOperationApply}},
			},
		}
		p.Status.Conditions = append(make([]metav1.Condition, 0, 8), metav1.Condition{Type: strings.Clone("Ready"), Reason: "Ready", Status: "True"})
		return p
	}
	first, second := written(), written()
	share(first)
	share(second)
	if diff := cmp.Diff(written(), first); diff != "" {
		t.Errorf("sharing changed what is said (-want +got):\n%s", diff)
	}
	same := func(what, a, b string) {
		if unsafe.StringData(a) != unsafe.StringData(b) {
			t.Errorf("each has its own %s", what)
		}
	}
	same("kind", first.Kind, second.Kind)
	same("owner's kind", first.OwnerReferences[0].Kind, second.OwnerReferences[0].Kind)
	same("condition", first.Status.Conditions[0].Type, second.Status.Conditions[0].Type)
	if &first.ManagedFields[0] != &second.ManagedFields[0] {
		t.Error("each has its own managed fields")
	}
}

// TestOnceEnds: kinds that somebody makes up must not be kept for ever.
func TestOnceEnds(t *testing.T) {
	heard := &words{seen: map[string]string{}}
	for n := range 2 * mostWords {
		heard.once(fmt.Sprint("word-", n))
	}
	if len(heard.seen) > mostWords {
		t.Errorf("%d words are kept, want at most %d", len(heard.seen), mostWords)
	}
}
