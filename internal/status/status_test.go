package status_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/status"
)

var (
	pa = meshtlsv1alpha1.ObjectReference{Kind: model.KindPeerAuthentication, Name: "meshtls-payments-0123abcd"}
	dr = meshtlsv1alpha1.ObjectReference{Kind: model.KindDestinationRule, Name: "meshtls-partner-0123abcd"}

	defaults = model.Mesh{RootNamespace: "istio-system", AutoMTLS: true}
)

// outcome returns a policy of two entries that both stand and one object; change makes it another.
func outcome(change func(o *model.Outcome)) model.Outcome {
	o := model.Outcome{
		Policy: types.NamespacedName{Namespace: "shop", Name: "payments"}, Generation: 7,
		Asked: 2, Accepted: 2, Objects: []meshtlsv1alpha1.ObjectReference{pa},
	}
	if change != nil {
		change(&o)
	}
	return o
}

func finding(condition, reason string) model.Finding {
	return model.Finding{
		Check: "some-check", Severity: meshtlsv1alpha1.SeverityError, Field: "spec.accept.mode",
		Message: "Something is so.", Remedy: "Do this.", Condition: condition, Reason: reason,
	}
}

func failure(of meshtlsv1alpha1.ObjectReference, reason string) model.Failure {
	return model.Failure{
		Object: model.ObjectRef{Kind: of.Kind, Namespace: "shop", Name: of.Name}, Reason: reason, Err: errors.New("the API server said no"),
	}
}

// brief returns a condition as type=status/reason.
func brief(conditions []metav1.Condition) []string {
	words := make([]string, len(conditions))
	for i, c := range conditions {
		words[i] = c.Type + "=" + string(c.Status) + "/" + c.Reason
	}
	return words
}

func TestOfConditions(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		outcome  model.Outcome
		failures []model.Failure
		want     []string
	}{
		"everything stands and is written": {
			outcome: outcome(nil),
			want: []string{
				"Ready=True/Ready", "Accepted=True/Accepted", "ResolvedRefs=True/ResolvedRefs",
				"Programmed=True/Programmed", "Effective=True/Effective",
			},
		},
		"a policy that asks for nothing is ready": {
			outcome: outcome(func(o *model.Outcome) { o.Asked, o.Accepted, o.Objects = 0, 0, nil }),
			want: []string{
				"Ready=True/Ready", "Accepted=True/Accepted", "ResolvedRefs=True/ResolvedRefs",
				"Programmed=True/Programmed", "Effective=True/Effective",
			},
		},
		"a warning lowers nothing": {
			outcome: outcome(func(o *model.Outcome) {
				o.Findings = []model.Finding{{Check: "some-check", Severity: meshtlsv1alpha1.SeverityWarning, Message: "Hm."}}
			}),
			want: []string{
				"Ready=True/Ready", "Accepted=True/Accepted", "ResolvedRefs=True/ResolvedRefs",
				"Programmed=True/Programmed", "Effective=True/Effective",
			},
		},
		"nothing stands": {
			outcome: outcome(func(o *model.Outcome) {
				o.Accepted, o.Objects = 0, nil
				o.Findings = []model.Finding{finding(meshtlsv1alpha1.ConditionAccepted, meshtlsv1alpha1.ReasonConflicted)}
			}),
			want: []string{
				"Ready=False/Conflicted", "Accepted=False/Conflicted", "ResolvedRefs=True/ResolvedRefs",
				"Programmed=Unknown/Pending", "Effective=Unknown/Pending", "Stalled=True/Conflicted",
			},
		},
		"a part stands": {
			outcome: outcome(func(o *model.Outcome) {
				o.Accepted = 1
				o.Findings = []model.Finding{finding(meshtlsv1alpha1.ConditionAccepted, meshtlsv1alpha1.ReasonBelowFloor)}
			}),
			want: []string{
				"Ready=False/PartlyConflicted", "Accepted=True/Accepted", "ResolvedRefs=True/ResolvedRefs",
				"Programmed=True/Programmed", "Effective=False/PartlyConflicted", "Stalled=True/PartlyConflicted",
			},
		},
		"the files lack what is named": {
			outcome: outcome(func(o *model.Outcome) {
				o.Findings = []model.Finding{finding(meshtlsv1alpha1.ConditionResolvedRefs, meshtlsv1alpha1.ReasonNotInFiles)}
			}),
			want: []string{
				"Ready=Unknown/NotInFiles", "Accepted=True/Accepted", "ResolvedRefs=Unknown/NotInFiles",
				"Programmed=True/Programmed", "Effective=Unknown/Pending",
			},
		},
		"the files lack what makes it effective": {
			outcome: outcome(func(o *model.Outcome) {
				o.Findings = []model.Finding{finding(meshtlsv1alpha1.ConditionEffective, meshtlsv1alpha1.ReasonNotInFiles)}
			}),
			want: []string{
				"Ready=Unknown/NotInFiles", "Accepted=True/Accepted", "ResolvedRefs=True/ResolvedRefs",
				"Programmed=True/Programmed", "Effective=Unknown/NotInFiles",
			},
		},
		"what is False speaks before what the files lack": {
			outcome: outcome(func(o *model.Outcome) {
				o.Findings = []model.Finding{
					finding(meshtlsv1alpha1.ConditionEffective, meshtlsv1alpha1.ReasonShadowed),
					finding(meshtlsv1alpha1.ConditionResolvedRefs, meshtlsv1alpha1.ReasonNotInFiles),
				}
			}),
			want: []string{
				"Ready=False/Shadowed", "Accepted=True/Accepted", "ResolvedRefs=Unknown/NotInFiles",
				"Programmed=True/Programmed", "Effective=False/Shadowed", "Stalled=True/Shadowed",
			},
		},
		"of two that are missing one is an error": {
			outcome: outcome(func(o *model.Outcome) {
				o.Findings = []model.Finding{
					finding(meshtlsv1alpha1.ConditionResolvedRefs, meshtlsv1alpha1.ReasonPortNotFound),
					finding(meshtlsv1alpha1.ConditionResolvedRefs, meshtlsv1alpha1.ReasonNotInFiles),
				}
			}),
			want: []string{
				"Ready=False/PortNotFound", "Accepted=True/Accepted", "ResolvedRefs=False/PortNotFound",
				"Programmed=True/Programmed", "Effective=Unknown/Pending", "Reconciling=True/PortNotFound",
			},
		},
		"a reference is missing, the rest is written": {
			outcome: outcome(func(o *model.Outcome) {
				o.Findings = []model.Finding{finding(meshtlsv1alpha1.ConditionResolvedRefs, meshtlsv1alpha1.ReasonPortNotFound)}
			}),
			want: []string{
				"Ready=False/PortNotFound", "Accepted=True/Accepted", "ResolvedRefs=False/PortNotFound",
				"Programmed=True/Programmed", "Effective=Unknown/Pending", "Reconciling=True/PortNotFound",
			},
		},
		"an older PeerAuthentication wins on some pods": {
			outcome: outcome(func(o *model.Outcome) {
				o.Findings = []model.Finding{finding(meshtlsv1alpha1.ConditionEffective, meshtlsv1alpha1.ReasonOverlapped)}
			}),
			want: []string{
				"Ready=False/Overlapped", "Accepted=True/Accepted", "ResolvedRefs=True/ResolvedRefs",
				"Programmed=True/Programmed", "Effective=False/Overlapped", "Stalled=True/Overlapped",
			},
		},
		"the API server refuses": {
			outcome:  outcome(nil),
			failures: []model.Failure{failure(pa, meshtlsv1alpha1.ReasonApplyFailed)},
			want: []string{
				"Ready=False/ApplyFailed", "Accepted=True/Accepted", "ResolvedRefs=True/ResolvedRefs",
				"Programmed=False/ApplyFailed", "Effective=Unknown/Pending", "Reconciling=True/ApplyFailed",
			},
		},
		"what failed is another policy's": {
			outcome:  outcome(nil),
			failures: []model.Failure{failure(dr, meshtlsv1alpha1.ReasonApplyFailed)},
			want: []string{
				"Ready=True/Ready", "Accepted=True/Accepted", "ResolvedRefs=True/ResolvedRefs",
				"Programmed=True/Programmed", "Effective=True/Effective",
			},
		},
		"what could not be pruned concerns every policy": {
			outcome:  outcome(nil),
			failures: []model.Failure{failure(dr, meshtlsv1alpha1.ReasonPruneFailed)},
			want: []string{
				"Ready=False/PruneFailed", "Accepted=True/Accepted", "ResolvedRefs=True/ResolvedRefs",
				"Programmed=False/PruneFailed", "Effective=Unknown/Pending", "Reconciling=True/PruneFailed",
			},
		},
		"somebody else's object has our name, which comes before what can be tried again": {
			outcome: outcome(func(o *model.Outcome) { o.Objects = append(o.Objects, dr) }),
			failures: []model.Failure{
				failure(dr, meshtlsv1alpha1.ReasonApplyFailed), failure(pa, meshtlsv1alpha1.ReasonNotOwned),
			},
			want: []string{
				"Ready=False/NotOwned", "Accepted=True/Accepted", "ResolvedRefs=True/ResolvedRefs",
				"Programmed=False/NotOwned", "Effective=Unknown/Pending", "Stalled=True/NotOwned",
			},
		},
		"somebody fights for our object": {
			outcome:  outcome(nil),
			failures: []model.Failure{failure(pa, meshtlsv1alpha1.ReasonContested)},
			want: []string{
				"Ready=False/Contested", "Accepted=True/Accepted", "ResolvedRefs=True/ResolvedRefs",
				"Programmed=False/Contested", "Effective=Unknown/Pending", "Stalled=True/Contested",
			},
		},
		"two objects would have one name": {
			outcome:  outcome(nil),
			failures: []model.Failure{failure(pa, meshtlsv1alpha1.ReasonNameCollision)},
			want: []string{
				"Ready=False/NameCollision", "Accepted=True/Accepted", "ResolvedRefs=True/ResolvedRefs",
				"Programmed=False/NameCollision", "Effective=Unknown/Pending", "Stalled=True/NameCollision",
			},
		},
		"Istio is not installed": {
			outcome:  outcome(nil),
			failures: []model.Failure{failure(pa, meshtlsv1alpha1.ReasonIstioCRDsMissing)},
			want: []string{
				"Ready=False/IstioCRDsMissing", "Accepted=True/Accepted", "ResolvedRefs=True/ResolvedRefs",
				"Programmed=False/IstioCRDsMissing", "Effective=Unknown/Pending", "Reconciling=True/IstioCRDsMissing",
			},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := status.Of(tc.outcome, defaults, tc.failures)
			if diff := cmp.Diff(tc.want, brief(got.Conditions)); diff != "" {
				t.Errorf("conditions (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOfEveryConditionObservesTheGeneration(t *testing.T) {
	t.Parallel()
	got := status.Of(outcome(nil), defaults, []model.Failure{failure(pa, meshtlsv1alpha1.ReasonApplyFailed)})
	if got.ObservedGeneration != 7 {
		t.Errorf("observedGeneration: got %d, want 7", got.ObservedGeneration)
	}
	for _, c := range got.Conditions {
		if c.ObservedGeneration != 7 || !c.LastTransitionTime.IsZero() {
			t.Errorf("%s: got generation %d at %v, want generation 7 and no time", c.Type, c.ObservedGeneration, c.LastTransitionTime)
		}
	}
}

func TestOfReadyMessage(t *testing.T) {
	t.Parallel()
	lost := finding(meshtlsv1alpha1.ConditionAccepted, meshtlsv1alpha1.ReasonConflicted)
	assumed := model.Mesh{Problem: "There is no ConfigMap istio-system/istio."}
	tests := map[string]struct {
		outcome model.Outcome
		mesh    model.Mesh
		want    string
	}{
		"one object": {
			outcome: outcome(nil), mesh: defaults, want: "PeerAuthentication meshtls-payments-0123abcd is written.",
		},
		"objects of two kinds": {
			outcome: outcome(func(o *model.Outcome) { o.Objects = append(o.Objects, dr, dr) }), mesh: defaults,
			want: "PeerAuthentication meshtls-payments-0123abcd and 2 DestinationRules are written.",
		},
		"no object": {
			outcome: outcome(func(o *model.Outcome) { o.Objects = nil }), mesh: defaults, want: "The policy needs no Istio object.",
		},
		"assumed defaults are said": {
			outcome: outcome(nil), mesh: assumed,
			want: "PeerAuthentication meshtls-payments-0123abcd is written. There is no ConfigMap istio-system/istio.",
		},
		"the first finding in full, with its field, and how many more": {
			outcome: outcome(func(o *model.Outcome) { o.Accepted, o.Findings = 0, []model.Finding{lost, lost, lost} }), mesh: defaults,
			want: "spec.accept.mode: Something is so. Do this. (and 2 more findings)",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := status.Of(tc.outcome, tc.mesh, nil).Conditions[0].Message; got != tc.want {
				t.Errorf("message: got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestOfListsAtMost32Findings(t *testing.T) {
	t.Parallel()
	many := outcome(func(o *model.Outcome) {
		for range 40 {
			o.Findings = append(o.Findings, finding("", ""))
		}
	})
	got := status.Of(many, defaults, nil)
	if len(got.Findings) != 32 || got.FindingsCount != 40 {
		t.Errorf("findings: got %d of %d, want 32 of 40", len(got.Findings), got.FindingsCount)
	}
	if message := got.Findings[0].Message; !strings.HasSuffix(message, "Do this.") {
		t.Errorf("message: got %q, want the remedy in it", message)
	}
}

func TestOfCountsFindingsBySeverity(t *testing.T) {
	t.Parallel()
	const e, w, i = meshtlsv1alpha1.SeverityError, meshtlsv1alpha1.SeverityWarning, meshtlsv1alpha1.SeverityInfo
	tests := map[string]struct {
		severities []meshtlsv1alpha1.Severity
		want       string
	}{
		"none":         {},
		"one":          {severities: []meshtlsv1alpha1.Severity{w}, want: "1 warning"},
		"of all kinds": {severities: []meshtlsv1alpha1.Severity{i, w, e, i, e, e}, want: "3 errors, 1 warning, 2 infos"},
		"more than the status lists": {
			severities: slices.Repeat([]meshtlsv1alpha1.Severity{e}, 40), want: "40 errors",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := status.Of(outcome(func(o *model.Outcome) {
				for _, severity := range tc.severities {
					o.Findings = append(o.Findings, model.Finding{Check: "a", Severity: severity, Message: "Something is so."})
				}
			}), defaults, nil)
			if got.FindingsSummary != tc.want {
				t.Errorf("got %q, want %q", got.FindingsSummary, tc.want)
			}
		})
	}
}
