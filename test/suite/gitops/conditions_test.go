package gitops

import (
	"testing"

	"k8s.io/apimachinery/pkg/util/sets"
	kstatus "sigs.k8s.io/cli-utils/pkg/kstatus/status"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// verdict is what the tools say of a policy.
type verdict struct {
	argo string
	k    kstatus.Status
}

var (
	current   = verdict{"Healthy", kstatus.CurrentStatus}
	waiting   = verdict{"Progressing", kstatus.InProgressStatus}
	userMusts = verdict{"Degraded", kstatus.FailedStatus}
)

// verdicts are what the tools must say, by the reason that decides. Waiting is right where the operator, the cluster or the next
// commit brings the policy on by itself.
var verdicts = map[string]verdict{
	meshtlsv1alpha1.ReasonReady:            current,
	meshtlsv1alpha1.ReasonRollingOut:       current,
	meshtlsv1alpha1.ReasonServiceNotFound:  waiting,
	meshtlsv1alpha1.ReasonPortNotFound:     waiting,
	meshtlsv1alpha1.ReasonHostNotFound:     waiting,
	meshtlsv1alpha1.ReasonNoMatchingPods:   waiting,
	meshtlsv1alpha1.ReasonApplyFailed:      waiting,
	meshtlsv1alpha1.ReasonPruneFailed:      waiting,
	meshtlsv1alpha1.ReasonIstioCRDsMissing: waiting,
	meshtlsv1alpha1.ReasonNotOwned:         userMusts,
	meshtlsv1alpha1.ReasonContested:        userMusts,
	meshtlsv1alpha1.ReasonNameCollision:    userMusts,
	meshtlsv1alpha1.ReasonConflicted:       userMusts,
	meshtlsv1alpha1.ReasonBelowFloor:       userMusts,
	meshtlsv1alpha1.ReasonUnsupported:      userMusts,
	meshtlsv1alpha1.ReasonShadowed:         userMusts,
	meshtlsv1alpha1.ReasonOverlapped:       userMusts,
	meshtlsv1alpha1.ReasonPartlyConflicted: userMusts,
	meshtlsv1alpha1.ReasonNotCarried:       userMusts,
	meshtlsv1alpha1.ReasonNoRoutes:         userMusts,
	meshtlsv1alpha1.ReasonRefused:          userMusts,
	meshtlsv1alpha1.ReasonInert:            userMusts,
	meshtlsv1alpha1.ReasonUndecodable:      userMusts,
	meshtlsv1alpha1.ReasonRolloutBlocked:   userMusts,
	meshtlsv1alpha1.ReasonRolloutUndone:    userMusts,
}

// TestToolsAgreeWithTheConditions asks Argo CD's engine and kstatus about every recorded policy.
func TestToolsAgreeWithTheConditions(t *testing.T) {
	t.Parallel()
	scripts := argoScripts(t)
	seen := sets.New[string]()
	for name, policy := range recordedPolicies(t) {
		reason := deciding(policy)
		seen.Insert(reason)
		want, known := verdicts[reason]
		if !known {
			t.Fatalf("%s: the reason is %s, of which the table says nothing", name, reason)
		}
		obj := asMap(t, policy)
		argo, err := healthOf(t.Context(), scripts, obj)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		computed, err := kstatus.Compute(obj)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := (verdict{argo.Status, computed.Status}); got != want {
			t.Errorf("%s: the reason is %s: got %v, want %v", name, reason, got, want)
		}
		if argo.Message == "" {
			t.Errorf("%s: Argo CD is told no message", name)
		}
	}
	for reason := range verdicts {
		if !seen.Has(reason) {
			t.Errorf("no recorded policy has the reason %s", reason)
		}
	}
}

// TestConditionsSayWhichSpecTheyMean: kubectl wait --for=condition=Ready passes over a condition that is older than the spec,
// and knows that by the condition's observedGeneration.
func TestConditionsSayWhichSpecTheyMean(t *testing.T) {
	t.Parallel()
	for name, policy := range recordedPolicies(t) {
		types := sets.New[string]()
		for _, c := range policy.Status.Conditions {
			types.Insert(c.Type)
			if c.ObservedGeneration != generation {
				t.Errorf("%s: %s has observedGeneration %d, want %d", name, c.Type, c.ObservedGeneration, generation)
			}
		}
		if !types.HasAll(meshtlsv1alpha1.ConditionReady, meshtlsv1alpha1.ConditionAccepted, meshtlsv1alpha1.ConditionResolvedRefs,
			meshtlsv1alpha1.ConditionProgrammed, meshtlsv1alpha1.ConditionEffective) {
			t.Errorf("%s: got the conditions %v, want the five that are always there", name, sets.List(types))
		}
	}
}

// TestKstatusWaitsForTheOperator: a policy that the operator has not seen at this generation is not Current, whatever its
// conditions say.
func TestKstatusWaitsForTheOperator(t *testing.T) {
	t.Parallel()
	for name, policy := range recordedPolicies(t) {
		policy.Generation++
		computed, err := kstatus.Compute(asMap(t, policy))
		if err != nil || computed.Status != kstatus.InProgressStatus {
			t.Errorf("%s: got %v, error %v, want %s", name, computed, err, kstatus.InProgressStatus)
		}
	}
}
