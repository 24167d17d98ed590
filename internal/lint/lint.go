package lint

import (
	"cmp"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/model"
)

// Findings runs every check over the mesh as each control plane sees it, and returns what they find that is not muted, each once,
// ordered by object and check.
func Findings(i model.Inventory) []model.Finding {
	i = inOrder(i)
	var findings []model.Finding
	for _, revision := range revisionsOf(i) {
		findings = append(findings, run(newView(i, revision, nil), All())...)
	}
	return ordered(findings)
}

// OfOurs is what there is to say about the objects that the operator writes, as one control plane sees them. The model is what
// that one makes of the inventory.
func OfOurs(i model.Inventory, revision string, asked *istio.Model) []model.Finding {
	v := newView(inOrder(i), revision, asked)
	return slices.DeleteFunc(run(v, ofOurs), func(f model.Finding) bool { return !v.ours(f.Subject) })
}

// ofOurs are the checks that judge the objects that the operator writes.
var ofOurs = slices.DeleteFunc(All(), func(c Check) bool { return !c.Ours })

// run leaves out what is muted, and what other checks say about our objects.
func run(v *view, checks []Check) []model.Finding {
	var findings []model.Finding
	for _, check := range checks {
		for _, f := range check.find(v) {
			f.Check = check.Name
			f.Condition, f.Reason = check.lowers(v, f)
			if v.mutes(f) || !check.Ours && v.ours(f.Subject) {
				continue
			}
			findings = append(findings, f)
		}
	}
	return findings
}

// lowers is the condition that the finding makes False on the policies behind its object, with the reason; empty where there are none.
func (c Check) lowers(v *view, f model.Finding) (condition, reason string) {
	if f.Severity != meshtlsv1alpha1.SeverityError || !v.ours(f.Subject) {
		return "", ""
	}
	return cmp.Or(c.Condition, meshtlsv1alpha1.ConditionEffective), cmp.Or(c.Reason, meshtlsv1alpha1.ReasonInert)
}

// revisionsOf are the control plane revisions that objects name, and the default one.
func revisionsOf(i model.Inventory) []string {
	revisions := sets.New("")
	for o := range istioObjects(i) {
		revisions.Insert(o.GetLabels()[meshtlsv1alpha1.LabelRevision])
	}
	return sets.List(revisions)
}

// ordered sorts the findings, and leaves each in once: an object that no revision is named by is seen by all.
func ordered(findings []model.Finding) []model.Finding {
	slices.SortFunc(findings, func(a, b model.Finding) int {
		return cmp.Or(
			strings.Compare(a.Subject.Namespace, b.Subject.Namespace), strings.Compare(a.Subject.Kind, b.Subject.Kind),
			strings.Compare(a.Subject.Name, b.Subject.Name), strings.Compare(a.Check, b.Check),
			strings.Compare(a.Field, b.Field), strings.Compare(a.Message, b.Message),
		)
	})
	return slices.Compact(findings)
}

// about is a finding about an object; the caller adds the words.
func about(severity meshtlsv1alpha1.Severity, kind string, o metav1.Object, field string) model.Finding {
	return model.Finding{Severity: severity, Subject: ref(kind, o), Field: field}
}

func ref(kind string, o metav1.Object) model.ObjectRef {
	return model.ObjectRef{Kind: kind, Namespace: o.GetNamespace(), Name: o.GetName()}
}
