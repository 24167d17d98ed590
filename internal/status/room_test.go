package status_test

import (
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/api/equality"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/json"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/source/admission"
	"github.com/meshtls/meshtls/internal/status"
	"github.com/meshtls/meshtls/test/worlds"
)

const crd = "../../config/crd/bases/security.meshtls.dev_meshtlspolicies.yaml"

// FuzzOf proves that the API server takes the status, whatever there is to say: by the CRD's schema, and by its size.
func FuzzOf(f *testing.F) {
	schema := loadSchema(f)
	for seed := range uint64(60) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		told := worlds.Hostile(seed)
		got := status.Of(told.Outcome, told.Mesh, told.Failures)
		wantAdmitted(t, schema, got)
		wantCounted(t, told.Outcome, got)
	})
}

func loadSchema(tb testing.TB) *admission.Schema {
	tb.Helper()
	file, err := os.Open(crd)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	schemas, err := admission.Load(file)
	if err != nil {
		tb.Fatal(err)
	}
	return schemas[meshtlsv1alpha1.GroupVersion.WithKind("MeshTLSPolicy")]
}

// wantAdmitted checks a policy with the status as the API server does when it is written.
func wantAdmitted(t *testing.T, schema *admission.Schema, s meshtlsv1alpha1.MeshTLSPolicyStatus) {
	t.Helper()
	for i := range s.Conditions {
		s.Conditions[i].LastTransitionTime = metav1.NewTime(time.Unix(0, 0))
	}
	encoded, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if len(encoded) > 256<<10 {
		t.Errorf("the status takes %d bytes, want at most 256 KiB", len(encoded))
	}
	var read meshtlsv1alpha1.MeshTLSPolicyStatus
	if err := json.Unmarshal(encoded, &read); err != nil || !equality.Semantic.DeepEqual(read, s) {
		t.Errorf("the status that is read back differs from the one that was written, which would be written again and again; error: %v", err)
	}
	var content map[string]any
	if err := json.Unmarshal(encoded, &content); err != nil {
		t.Fatal(err)
	}
	object := map[string]any{
		"apiVersion": meshtlsv1alpha1.GroupVersion.String(), "kind": "MeshTLSPolicy",
		"metadata": map[string]any{"namespace": "shop", "name": "payments"},
		"spec":     map[string]any{"accept": map[string]any{"mode": "Strict"}},
		"status":   content,
	}
	for _, err := range schema.Admit(t.Context(), object) {
		t.Errorf("the API server would refuse the status: %v", err)
	}
}

// wantCounted checks that what is left out is counted.
func wantCounted(t *testing.T, o model.Outcome, s meshtlsv1alpha1.MeshTLSPolicyStatus) {
	t.Helper()
	if got, want := len(s.Objects)+int(s.ObjectsOmitted), len(o.Objects); got != want {
		t.Errorf("objects, listed and omitted: got %d, want %d", got, want)
	}
	if got, want := len(s.AcceptPorts)+int(s.AcceptPortsOmitted), len(o.AcceptPorts); got != want {
		t.Errorf("ports, listed and omitted: got %d, want %d", got, want)
	}
	if got, want := int(s.FindingsCount), len(o.Findings); got != want {
		t.Errorf("findingsCount: got %d, want %d", got, want)
	}
	for _, p := range s.AcceptPorts {
		if count := len(o.AcceptPorts[p.Port].ServicePorts); count > len(p.ServicePorts) {
			if last := p.ServicePorts[len(p.ServicePorts)-1]; !strings.HasPrefix(last, "… (") {
				t.Errorf("port %d: got the last of %d Service ports %q, want a count", p.Port, count, last)
			}
		}
	}
}

func TestOfKeepsWhatMatters(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 100_000)
	lost := func(message, remedy string) func(o *model.Outcome) {
		return func(o *model.Outcome) {
			f := finding(meshtlsv1alpha1.ConditionEffective, meshtlsv1alpha1.ReasonShadowed)
			f.Message, f.Remedy = message, remedy
			o.Findings = []model.Finding{f, f, f}
		}
	}
	tests := map[string]struct {
		change func(o *model.Outcome)
		want   []string
	}{
		"the remedy of a long message, and how many findings there are": {
			change: lost(long, "Do this."), want: []string{"spec.accept.mode: éé", "é… (", " more characters) Do this. (and 2 more findings)"},
		},
		"the message beside a long remedy": {
			change: lost("Something is so.", long), want: []string{"Something is so. éé", " more characters) (and 2 more findings)"},
		},
		"a part of each, where both are long": {
			change: lost(long, strings.Repeat("r", 100_000)), want: []string{"é… (", " more characters) rrr", "r… ("},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := apimeta.FindStatusCondition(status.Of(outcome(tc.change), defaults, nil).Conditions, meshtlsv1alpha1.ConditionReady)
			if got.Status != metav1.ConditionFalse || got.Reason != meshtlsv1alpha1.ReasonShadowed {
				t.Errorf("Ready: got %s, %s; want False, Shadowed", got.Status, got.Reason)
			}
			for _, part := range tc.want {
				if !strings.Contains(got.Message, part) {
					t.Errorf("message: got %q, want %q in it", got.Message, part)
				}
			}
		})
	}
}

func TestOfCutsAndCounts(t *testing.T) {
	t.Parallel()
	terms := strings.Split(strings.Repeat("8081 Permissive,", 40), ",")[:40]
	got := status.Of(outcome(func(o *model.Outcome) {
		o.Target, o.Accepts, o.Sends, o.Serves = strings.Repeat("漢", 5000), terms, terms[:16], terms[:17]
	}), defaults, nil)
	if !utf8.ValidString(got.Target) || utf8.RuneCountInString(got.Target) > 4096 {
		t.Errorf("target: got %d characters, valid: %t; want at most 4096", utf8.RuneCountInString(got.Target), utf8.ValidString(got.Target))
	}
	kept, tail, _ := strings.Cut(got.Target, "…")
	if want := " (928 more characters)"; tail != want || utf8.RuneCountInString(kept)+928 != 5000 {
		t.Errorf("target: got %d characters and %q, want %q after what is not in there", utf8.RuneCountInString(kept), tail, want)
	}
	if want := strings.Join(terms[:15], ", ") + ", … (25 more)"; got.Accepts != want {
		t.Errorf("accepts: got %q, want %q", got.Accepts, want)
	}
	if want := strings.Join(terms[:16], "; "); got.Sends != want {
		t.Errorf("sends: got %q, want all %q", got.Sends, want)
	}
	if want := strings.Join(terms[:15], "; ") + "; … (2 more)"; got.Serves != want {
		t.Errorf("serves: got %q, want %q", got.Serves, want)
	}
}
