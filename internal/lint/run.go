package lint

import (
	"cmp"
	"slices"
	"strings"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// Run returns what the checks find in the view, without what is muted. In the objects that the operator writes it finds only what the
// checks with Ours do, and only in those of the view's own revision: one without a revision is read by every control plane, and the default
// one's view judges it.
func Run(v *mesh.View, checks []Check) []model.Finding {
	var findings []model.Finding
	for _, check := range checks {
		for _, f := range check.Find(v) {
			f.Check = check.Name
			f.Condition, f.Reason = check.lowers(v, f)
			f.Remedy = check.remedy(v, f)
			if mutes(v, f) || !check.judges(v, f.Subject) {
				continue
			}
			findings = append(findings, f)
		}
	}
	return findings
}

// judges reports whether the check, in this view, says what it finds in the object.
func (c Check) judges(v *mesh.View, object model.ObjectRef) bool {
	return !Ours(v, object) || c.Ours && isOfRevision(v, object)
}

// remedy returns what to do, in the words of whoever has to do it.
func (c Check) remedy(v *mesh.View, f model.Finding) string {
	if c.InPolicy != "" && Ours(v, f.Subject) {
		return c.InPolicy
	}
	return f.Remedy
}

// lowers returns the condition that the finding makes False on the policies behind its object, with the reason; empty: none.
func (c Check) lowers(v *mesh.View, f model.Finding) (condition, reason string) {
	if f.Severity != Error || !Ours(v, f.Subject) {
		return "", ""
	}
	return cmp.Or(c.Condition, meshtlsv1alpha1.ConditionEffective), cmp.Or(c.Reason, meshtlsv1alpha1.ReasonInert)
}

// Ordered sorts the findings by object and check, and drops repetitions: an object without a revision is seen by every control plane.
func Ordered(findings []model.Finding) []model.Finding {
	slices.SortFunc(findings, func(a, b model.Finding) int {
		return cmp.Or(
			strings.Compare(a.Subject.Namespace, b.Subject.Namespace), strings.Compare(a.Subject.Kind, b.Subject.Kind),
			strings.Compare(a.Subject.Name, b.Subject.Name), strings.Compare(a.Check, b.Check),
			strings.Compare(a.Field, b.Field), strings.Compare(a.Message, b.Message),
		)
	})
	return slices.Compact(findings)
}

// notes are what the labels and annotations of objects say to lint.
type notes struct {
	// ours are the objects that the operator writes, with their revisions, and muted the checks that an object's annotation silences.
	ours, muted map[model.ObjectRef]string
}

// Ours reports whether the operator writes the object.
func Ours(v *mesh.View, object model.ObjectRef) bool {
	_, ours := mesh.Derived(v, takeNotes).ours[object]
	return ours
}

// isOfRevision reports whether an object that the operator writes is labelled for the view's control plane.
func isOfRevision(v *mesh.View, object model.ObjectRef) bool {
	return mesh.Derived(v, takeNotes).ours[object] == v.Revision()
}

// mutes reports whether the annotation of the finding's object silences its check.
func mutes(v *mesh.View, f model.Finding) bool {
	for name := range strings.SplitSeq(mesh.Derived(v, takeNotes).muted[f.Subject], ",") {
		if strings.TrimSpace(name) == f.Check {
			return true
		}
	}
	return false
}

// takeNotes reads the labels and annotations of all objects. It asks the inventory itself: no answer of a check depends on them.
func takeNotes(v *mesh.View) notes {
	n := notes{ours: map[model.ObjectRef]string{}, muted: map[model.ObjectRef]string{}}
	i := v.Inventory()
	for o, kind := range mesh.Objects(i) {
		if model.Ours(o) {
			n.ours[model.RefOf(kind, o)] = o.GetLabels()[meshtlsv1alpha1.LabelRevision]
		}
		n.mute(model.RefOf(kind, o), o.GetAnnotations()[meshtlsv1alpha1.AnnotationMute])
	}
	for _, g := range i.KubernetesGateways {
		n.mute(model.RefOf(model.KindGatewayAPIGateway, g), g.Annotations[meshtlsv1alpha1.AnnotationMute])
	}
	for _, w := range i.Webhooks {
		n.mute(model.ObjectRef{Kind: w.Kind, Name: w.Configuration}, w.Annotations[meshtlsv1alpha1.AnnotationMute])
	}
	for _, s := range i.Services {
		n.mute(model.ObjectRef{Kind: model.KindService, Namespace: s.Namespace, Name: s.Name}, s.Mute)
	}
	for _, c := range i.Credentials {
		n.mute(model.ObjectRef{Kind: c.Kind, Namespace: c.Namespace, Name: c.Name}, c.Annotations[meshtlsv1alpha1.AnnotationMute])
	}
	return n
}

func (n notes) mute(object model.ObjectRef, checks string) {
	if checks != "" {
		n.muted[object] = checks
	}
}
