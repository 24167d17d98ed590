package controllers

import (
	"testing"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/apply"
	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/metrics"
	"github.com/meshtls/meshtls/internal/model"
)

func TestForget(t *testing.T) {
	t.Parallel()
	r := &Reconciler{
		metrics: metrics.New(""), dependents: newDependents(), observer: newObserver(Options{}, sources{}), switching: newTally(),
		pace: apply.NewPace(0),
	}
	empty := testutil.CollectAndCount(r.metrics, "meshtls_findings")
	outcome := model.Outcome{Findings: []model.Finding{{Check: "a", Severity: meshtlsv1alpha1.SeverityError}}}
	r.metrics.Passed(model.Result{Namespace: "shop", Policies: []model.Outcome{outcome}}, nil)
	root := gather.Read{Kind: model.KindPolicy, Namespace: "istio-system"}
	asking := r.dependents.begin("shop")
	asking.note(root)
	asking.done()
	if got := r.dependents.on([]gather.Read{root}); len(got) != 1 {
		t.Fatalf("namespaces that depend on the root before: got %v, want shop", got)
	}

	r.forget("shop")
	if got := r.dependents.on([]gather.Read{root}); len(got) != 0 {
		t.Errorf("namespaces that depend on the root: got %v, want none", got)
	}
	if got := testutil.CollectAndCount(r.metrics, "meshtls_findings"); got != empty {
		t.Errorf("series of findings: got %d, want %d", got, empty)
	}
}

// TestLogChanges holds the messages and keys that docs/metrics.md promises.
func TestLogChanges(t *testing.T) {
	t.Parallel()
	written := func(verb model.Verb) model.Change {
		return model.Change{Verb: verb, Object: model.ObjectRef{Kind: model.KindGateway, Namespace: "shop", Name: "edge"}}
	}
	tests := map[string]struct {
		changes model.ChangeSet
		want    []string
	}{
		"nothing written, nothing said": {},
		"what failed is the error's to say": {
			changes: model.ChangeSet{Failures: []model.Failure{{}}},
		},
		"writes are counted, and named for who debugs": {
			changes: model.ChangeSet{
				Changes:  []model.Change{written(model.Created), written(model.DriftCorrected)},
				Failures: []model.Failure{{}},
			},
			want: []string{
				`"level"=0 "msg"="applied" "created"=1 "updated"=0 "driftCorrected"=1 "pruned"=0 "failed"=1`,
				`"level"=1 "msg"="wrote" "verb"="Created" "object"="Gateway shop/edge"`,
				`"level"=1 "msg"="wrote" "verb"="DriftCorrected" "object"="Gateway shop/edge"`,
			},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			log := funcr.New(func(_, line string) { got = append(got, line) }, funcr.Options{Verbosity: 1})
			logChanges(logr.NewContext(t.Context(), log), tc.changes)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
		})
	}
}
