package compile

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// report completes the outcomes with the objects that each policy contributes to and with what the checks found, less what the
// policy has muted, the most severe first.
func report(s model.Snapshot, outcomes []model.Outcome, objects model.Objects, found []model.Finding) []model.Outcome {
	references := referencesByOwner(objects)
	findings := map[types.NamespacedName][]model.Finding{}
	for _, f := range found {
		findings[f.Subject.Key()] = append(findings[f.Subject.Key()], s.Files.Soften(f))
	}
	muted := mutedChecks(s.Policies)
	reported := slices.Clone(outcomes)
	for i, o := range outcomes {
		reported[i].Objects = references[o.Policy.Name]
		reported[i].Findings = audible(slices.Concat(softened(s.Files, o.Findings), findings[o.Policy]), muted[o.Policy])
	}
	return reported
}

// softened returns the findings as they are told of files.
func softened(files *model.Files, found []model.Finding) []model.Finding {
	told := make([]model.Finding, len(found))
	for i, f := range found {
		told[i] = files.Soften(f)
	}
	return told
}

// referencesByOwner lists, for each policy by name, the objects that it owns a part of, ordered by kind and name.
func referencesByOwner(objects model.Objects) map[string][]meshtlsv1alpha1.ObjectReference {
	references := map[string][]meshtlsv1alpha1.ObjectReference{}
	for _, o := range objects.All() {
		reference := meshtlsv1alpha1.ObjectReference{Kind: o.GetObjectKind().GroupVersionKind().Kind, Name: o.GetName()}
		for _, owner := range o.GetOwnerReferences() {
			references[owner.Name] = append(references[owner.Name], reference)
		}
	}
	return references
}

// mutedChecks returns the checks that each policy does not want to hear of.
func mutedChecks(policies []*meshtlsv1alpha1.MeshTLSPolicy) map[types.NamespacedName][]string {
	muted := map[types.NamespacedName][]string{}
	for _, p := range policies {
		muted[types.NamespacedName{Namespace: p.Namespace, Name: p.Name}] = model.MutedChecks(p)
	}
	return muted
}

// audible drops what is muted and orders the rest by severity, check, field and words. An error cannot be muted: it lowers a
// condition, and nobody could tell why.
func audible(findings []model.Finding, muted []string) []model.Finding {
	audible := slices.DeleteFunc(findings, func(f model.Finding) bool {
		return f.Severity != meshtlsv1alpha1.SeverityError && slices.Contains(muted, f.Check)
	})
	slices.SortFunc(audible, func(a, b model.Finding) int {
		return cmp.Or(
			cmp.Compare(weight(a.Severity), weight(b.Severity)),
			strings.Compare(a.Check, b.Check),
			strings.Compare(a.Field, b.Field),
			strings.Compare(a.Message, b.Message),
		)
	})
	return audible
}

func weight(s meshtlsv1alpha1.Severity) int {
	return slices.Index([]meshtlsv1alpha1.Severity{
		meshtlsv1alpha1.SeverityError, meshtlsv1alpha1.SeverityWarning, meshtlsv1alpha1.SeverityInfo,
	}, s)
}
