package apply

import (
	"testing"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/meshtls/meshtls/internal/verbatim"
)

// TestFieldsOfANewerIstio: a field that Istio's types do not know is drift where somebody has written it, and no more.
func TestFieldsOfANewerIstio(t *testing.T) {
	rule := func(spec string, entries ...metav1.ManagedFieldsEntry) *istionetworkingv1.DestinationRule {
		var read verbatim.DestinationRule
		if err := yaml.Unmarshal([]byte(`{spec: `+spec+`}`), &read); err != nil {
			t.Fatal(err)
		}
		read.ObjectMeta = ours("a", "p")
		read.ManagedFields = entries
		return &read.DestinationRule
	}
	owning := func(manager string, operation metav1.ManagedFieldsOperationType) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{
			Manager: manager, Operation: operation, FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:later":{}}}`),
		}
	}
	const with, without = `{host: a, later: 1}`, `{host: a}`
	tests := map[string]struct {
		live, want *istionetworkingv1.DestinationRule
		matches    bool
	}{
		"as planned":                          {live: rule(with), want: rule(with), matches: true},
		"missing":                             {live: rule(without), want: rule(with)},
		"another value":                       {live: rule(`{host: a, later: 2}`), want: rule(with)},
		"somebody's":                          {live: rule(with, owning("intruder", metav1.ManagedFieldsOperationUpdate)), want: rule(without)},
		"ours, of a base that has lost it":    {live: rule(with, owning(FieldManager, metav1.ManagedFieldsOperationApply)), want: rule(without)},
		"nobody's: a default":                 {live: rule(with), want: rule(without), matches: true},
		"a default in place of somebody's":    {live: rule(with, owning(FieldManager, metav1.ManagedFieldsOperationUpdate)), want: rule(without), matches: true},
		"in a list, where nobody can be told": {live: rule(`{host: a, subsets: [{later: 1}]}`), want: rule(`{host: a, subsets: [{}]}`)},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := matches(tc.live, tc.want); got != tc.matches {
				t.Errorf("got %v, want %v", got, tc.matches)
			}
		})
	}
}
