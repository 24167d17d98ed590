package gitops

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/compile"
	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/source"
	"github.com/meshtls/meshtls/internal/status"
)

// generation is that of every policy: more than one, so that an older status can be told from a current one.
const generation = 2

// writeFailures are the reasons of what can go wrong in writing; the golden pairs hold all that can be said before.
var writeFailures = []string{
	meshtlsv1alpha1.ReasonApplyFailed,
	meshtlsv1alpha1.ReasonPruneFailed,
	meshtlsv1alpha1.ReasonNotOwned,
	meshtlsv1alpha1.ReasonContested,
	meshtlsv1alpha1.ReasonNameCollision,
	meshtlsv1alpha1.ReasonIstioCRDsMissing,
}

// recordedPolicies are policies with the status that the operator gives them, by a name that says which world and failure they
// come from.
func recordedPolicies(t *testing.T) map[string]*meshtlsv1alpha1.MeshTLSPolicy {
	t.Helper()
	inputs, err := filepath.Glob(filepath.Join("..", "..", "..", "internal", "compile", "testdata", "*", "*.in.yaml"))
	if err != nil || len(inputs) == 0 {
		t.Fatalf("reading the golden inputs: found %d, error %v", len(inputs), err)
	}
	recorded := map[string]*meshtlsv1alpha1.MeshTLSPolicy{}
	for _, input := range inputs {
		for _, snapshot := range gathered(t, input) {
			result := compile.Compile(snapshot)
			for _, outcome := range result.Policies {
				name := filepath.Base(input) + " " + outcome.Policy.String()
				recorded[name] = withStatus(outcome, result.Mesh, nil)
				for _, reason := range writeFailures {
					recorded[name+" "+reason] = withStatus(outcome, result.Mesh, failing(outcome, reason))
				}
			}
		}
	}
	return recorded
}

// today is when the worlds are looked at, as by the golden test: a rollout is blocked for a day then.
var today = metav1.Date(2027, time.February, 20, 12, 0, 0, 0, time.UTC)

// gathered returns the namespaces of the world that have policies.
func gathered(t *testing.T, input string) []model.Snapshot {
	t.Helper()
	reader, err := source.Read(t.Context(), []string{input}, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if ignored := reader.Ignored(); len(ignored) > 0 {
		t.Fatalf("%s holds what nothing reads: %v", input, ignored)
	}
	snapshots, err := gather.Snapshots(t.Context(), reader, gather.Options{Now: today})
	if err != nil {
		t.Fatal(err)
	}
	return snapshots
}

// failing returns a failure of the first object of the policy, or of one that nobody wants any more.
func failing(outcome model.Outcome, reason string) []model.Failure {
	object := model.ObjectRef{Kind: model.KindPeerAuthentication, Namespace: outcome.Policy.Namespace, Name: "old"}
	if len(outcome.Objects) > 0 {
		object.Kind, object.Name = outcome.Objects[0].Kind, outcome.Objects[0].Name
	}
	return []model.Failure{{Object: object, Reason: reason, Err: errors.New("the API server says no")}}
}

// withStatus returns the policy as the API server has it after the pass.
func withStatus(outcome model.Outcome, mesh model.Mesh, failures []model.Failure) *meshtlsv1alpha1.MeshTLSPolicy {
	outcome.Generation = generation
	written := status.Of(outcome, mesh, failures)
	for i := range written.Conditions {
		written.Conditions[i].LastTransitionTime = metav1.Unix(0, 0)
	}
	return &meshtlsv1alpha1.MeshTLSPolicy{
		TypeMeta: metav1.TypeMeta{APIVersion: meshtlsv1alpha1.GroupVersion.String(), Kind: "MeshTLSPolicy"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: outcome.Policy.Namespace, Name: outcome.Policy.Name, UID: outcome.UID, Generation: generation,
		},
		Status: written,
	}
}

// asMap returns the object as a GitOps tool holds it.
func asMap(t *testing.T, obj any) *unstructured.Unstructured {
	t.Helper()
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
	if err != nil {
		t.Fatal(err)
	}
	return &unstructured.Unstructured{Object: content}
}

// deciding returns the reason that decides what the user is told to do: that of Ready, unless writing waits for what nothing but the user
// does, whatever else the policy waits for.
func deciding(p *meshtlsv1alpha1.MeshTLSPolicy) string {
	programmed := apimeta.FindStatusCondition(p.Status.Conditions, meshtlsv1alpha1.ConditionProgrammed)
	if verdicts[programmed.Reason] == userMusts {
		return programmed.Reason
	}
	return apimeta.FindStatusCondition(p.Status.Conditions, meshtlsv1alpha1.ConditionReady).Reason
}
