package status

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// findingWords say the first finding in full and how many more there are; status.findings has the rest.
func findingWords(found []model.Finding) string {
	first := found[0]
	words := sentences(first.Message, first.Remedy)
	if first.Field != "" {
		words = first.Field + ": " + words
	}
	return andMore(words, len(found)-1, "finding")
}

// programmedWords name what is written: "PeerAuthentication a and 2 DestinationRules are written."
func programmedWords(o model.Outcome) string {
	kinds := rendered(o.Objects)
	switch {
	case len(o.Objects) == 1:
		return kinds[0] + " is written."
	case len(kinds) > 0:
		return enumeration(kinds) + " are written."
	case o.Unresolved:
		return "What an earlier version of the policy wrote stays until the target is found."
	default:
		return "The policy needs no Istio object."
	}
}

// rendered names the objects, or counts them where there are several of a kind.
func rendered(objects []meshtlsv1alpha1.ObjectReference) []string {
	var kinds []string
	for _, kind := range []string{model.KindPeerAuthentication, model.KindDestinationRule, model.KindGateway, model.KindAuthorizationPolicy} {
		if words := kindWords(objects, kind); words != "" {
			kinds = append(kinds, words)
		}
	}
	return kinds
}

func kindWords(objects []meshtlsv1alpha1.ObjectReference, kind string) string {
	of := slices.DeleteFunc(slices.Clone(objects), func(o meshtlsv1alpha1.ObjectReference) bool { return o.Kind != kind })
	switch len(of) {
	case 0:
		return ""
	case 1:
		return kind + " " + of[0].Name
	default:
		return fmt.Sprintf("%d %ss", len(of), kind)
	}
}

func enumeration(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// reasonOrder puts first what the user must act on.
var reasonOrder = []string{
	meshtlsv1alpha1.ReasonNotOwned,
	meshtlsv1alpha1.ReasonNameCollision,
	meshtlsv1alpha1.ReasonContested,
	meshtlsv1alpha1.ReasonIstioCRDsMissing,
	meshtlsv1alpha1.ReasonApplyFailed,
	meshtlsv1alpha1.ReasonPruneFailed,
}

// failuresOf returns the failures that concern the policy: those of its objects, and those of objects that nobody wants any more,
// which keep the namespace from being as planned.
func failuresOf(o model.Outcome, failures []model.Failure) []model.Failure {
	var mine []model.Failure
	for _, f := range failures {
		owned := slices.Contains(o.Objects, meshtlsv1alpha1.ObjectReference{Kind: f.Object.Kind, Name: f.Object.Name})
		if owned || f.Reason == meshtlsv1alpha1.ReasonPruneFailed {
			mine = append(mine, f)
		}
	}
	slices.SortFunc(mine, func(a, b model.Failure) int {
		return cmp.Or(
			cmp.Compare(slices.Index(reasonOrder, a.Reason), slices.Index(reasonOrder, b.Reason)),
			strings.Compare(a.Object.String(), b.Object.String()),
		)
	})
	return mine
}

func failureWords(failures []model.Failure) string {
	first := failures[0]
	var words string
	switch first.Reason {
	case meshtlsv1alpha1.ReasonNotOwned:
		words = fmt.Sprintf("%s exists and is not the operator's; rename or delete it.", first.Object)
	case meshtlsv1alpha1.ReasonNameCollision:
		words = fmt.Sprintf("%s would be the object of two selectors or hosts, which somebody must have looked for; change one.", first.Object)
	case meshtlsv1alpha1.ReasonContested:
		words = fmt.Sprintf("%s is put back ever more slowly, since %v; stop that.", first.Object, first.Err)
	case meshtlsv1alpha1.ReasonIstioCRDsMissing:
		words = fmt.Sprintf("The cluster does not know the kind %s; install Istio's CRDs.", first.Object.Kind)
	case meshtlsv1alpha1.ReasonPruneFailed:
		words = fmt.Sprintf("%s is not wanted any more and could not be deleted; it is tried again: %v.", first.Object, first.Err)
	default:
		words = fmt.Sprintf("%s could not be written; it is tried again: %v.", first.Object, first.Err)
	}
	return andMore(words, len(failures)-1, "object")
}

func andMore(words string, more int, noun string) string {
	switch {
	case more <= 0:
		return words
	case more == 1:
		return fmt.Sprintf("%s (and 1 more %s)", words, noun)
	default:
		return fmt.Sprintf("%s (and %d more %ss)", words, more, noun)
	}
}

// severities count the findings by how much they matter; a severity that none has is left out.
func severities(found []model.Finding) string {
	count := map[meshtlsv1alpha1.Severity]int{}
	for _, f := range found {
		count[f.Severity]++
	}
	var words []string
	for _, severity := range []meshtlsv1alpha1.Severity{
		meshtlsv1alpha1.SeverityError, meshtlsv1alpha1.SeverityWarning, meshtlsv1alpha1.SeverityInfo,
	} {
		switch n := count[severity]; n {
		case 0:
		case 1:
			words = append(words, "1 "+strings.ToLower(string(severity)))
		default:
			words = append(words, fmt.Sprintf("%d %ss", n, strings.ToLower(string(severity))))
		}
	}
	return strings.Join(words, ", ")
}
