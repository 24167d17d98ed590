package policy

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/model"
)

// Attributed returns the findings about the rendered objects of the namespace as findings about the policies that own them. Those about
// other objects are left out.
func Attributed(n Namespace, found []model.Finding) []model.Finding {
	if len(found) == 0 {
		return nil
	}
	a := authorsOf(n)
	rendered := map[model.ObjectRef]metav1.Object{}
	for _, o := range n.Objects.All() {
		rendered[model.RefOf(o.GetObjectKind().GroupVersionKind().Kind, o)] = o
	}
	var findings []model.Finding
	for _, f := range found {
		if ours, is := rendered[f.Subject]; is {
			findings = append(findings, a.toOwnersOf(ours, f)...)
		}
	}
	return findings
}

// toOwnersOf tells the policies behind an object of ours what lint finds in it. A status shows no object, so the words name it.
func (a authors) toOwnersOf(ours metav1.Object, f model.Finding) []model.Finding {
	place := istio.Origin{Object: f.Subject, Field: f.Field}
	path := f.Field
	f.Related = f.Subject
	f.Message = fmt.Sprintf("%s: %s", place, f.Message)
	var findings []model.Finding
	for _, owner := range a.behind(ours) {
		f.Subject, f.Field = model.PolicyRef(owner), a.fieldBehind(owner.Name, ours, path)
		findings = append(findings, f)
	}
	return findings
}
