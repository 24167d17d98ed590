package metrics_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/metrics"
	"github.com/meshtls/meshtls/internal/model"
)

// statusWith returns a status with one condition.
func statusWith(condition string, status metav1.ConditionStatus) meshtlsv1alpha1.MeshTLSPolicyStatus {
	return meshtlsv1alpha1.MeshTLSPolicyStatus{Conditions: []metav1.Condition{{Type: condition, Status: status}}}
}

func ready(status metav1.ConditionStatus) meshtlsv1alpha1.MeshTLSPolicyStatus {
	return statusWith(meshtlsv1alpha1.ConditionReady, status)
}

// found returns an outcome with a finding of each of the checks.
func found(checks ...string) model.Outcome {
	var o model.Outcome
	for _, check := range checks {
		o.Findings = append(o.Findings, model.Finding{Check: check, Severity: meshtlsv1alpha1.SeverityWarning})
	}
	return o
}

// nonzero returns the lines of the metrics in Prometheus' text format, without comments and zeros.
func nonzero(t *testing.T, m *metrics.Metrics, names ...string) []string {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	if err := m.Register(registry); err != nil {
		t.Fatal(err)
	}
	text, err := testutil.CollectAndFormat(m, expfmt.TypeTextPlain, names...)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if line != "" && !strings.HasPrefix(line, "#") && !strings.HasSuffix(line, " 0") {
			lines = append(lines, line)
		}
	}
	return lines
}

func TestGauges(t *testing.T) {
	t.Parallel()
	yes, no := ready(metav1.ConditionTrue), ready(metav1.ConditionFalse)
	shop := model.Result{Namespace: "shop", Policies: []model.Outcome{found("a", "b"), found("a")}}
	tests := map[string]struct {
		passes func(*metrics.Metrics)
		want   []string
	}{
		"no namespace": {passes: func(*metrics.Metrics) {}},
		"a namespace": {
			passes: func(m *metrics.Metrics) { m.Passed(shop, []meshtlsv1alpha1.MeshTLSPolicyStatus{yes, no}) },
			want: []string{
				`meshtls_findings{check="a",severity="Warning"} 2`,
				`meshtls_findings{check="b",severity="Warning"} 1`,
				`meshtls_policies{condition="Ready",status="False"} 1`,
				`meshtls_policies{condition="Ready",status="True"} 1`,
			},
		},
		"the namespaces are summed up": {
			passes: func(m *metrics.Metrics) {
				m.Passed(shop, []meshtlsv1alpha1.MeshTLSPolicyStatus{yes, no})
				m.Passed(model.Result{Namespace: "cart", Policies: []model.Outcome{found("b")}}, []meshtlsv1alpha1.MeshTLSPolicyStatus{yes})
			},
			want: []string{
				`meshtls_findings{check="a",severity="Warning"} 2`,
				`meshtls_findings{check="b",severity="Warning"} 2`,
				`meshtls_policies{condition="Ready",status="False"} 1`,
				`meshtls_policies{condition="Ready",status="True"} 2`,
			},
		},
		"a later pass replaces the earlier, and a finding that is gone has no series": {
			passes: func(m *metrics.Metrics) {
				m.Passed(shop, []meshtlsv1alpha1.MeshTLSPolicyStatus{yes, no})
				m.Passed(model.Result{Namespace: "shop", Policies: []model.Outcome{found("b")}}, []meshtlsv1alpha1.MeshTLSPolicyStatus{yes})
			},
			want: []string{
				`meshtls_findings{check="b",severity="Warning"} 1`,
				`meshtls_policies{condition="Ready",status="True"} 1`,
			},
		},
		"the last policy is deleted": {
			passes: func(m *metrics.Metrics) {
				m.Passed(shop, []meshtlsv1alpha1.MeshTLSPolicyStatus{yes, no})
				m.Passed(model.Result{Namespace: "shop"}, nil)
			},
		},
		"the namespace is deleted": {
			passes: func(m *metrics.Metrics) {
				m.Passed(shop, []meshtlsv1alpha1.MeshTLSPolicyStatus{yes, no})
				m.Forget("shop")
			},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := metrics.New("v1")
			tc.passes(m)
			if diff := cmp.Diff(tc.want, nonzero(t, m, "meshtls_policies", "meshtls_findings")); diff != "" {
				t.Errorf("gauges (-want +got):\n%s", diff)
			}
		})
	}
}

func TestExpiries(t *testing.T) {
	t.Parallel()
	// holding is the Secret with certificates that end at the times.
	holding := func(name string, pair, authorities []int64) model.Credential {
		until := func(ends []int64) (all []model.Certificate) {
			for _, end := range ends {
				all = append(all, model.Certificate{NotAfter: metav1.Unix(end, 0)})
			}
			return all
		}
		c := model.Credential{Kind: model.KindSecret, Namespace: "edge", Name: name}
		if pair != nil {
			c.Pair = &model.CertificatePair{Chain: until(pair)}
		}
		if authorities != nil {
			c.CA = &model.CertificateBundle{Certificates: until(authorities)}
		}
		return c
	}
	configMap := holding("config", nil, []int64{7})
	configMap.Kind = model.KindConfigMap
	line := func(secret, value string) string {
		return `meshtls_certificate_expiry_timestamp_seconds{namespace="edge",secret="` + secret + `"} ` + value
	}
	tests := map[string]struct {
		passes func(*metrics.Metrics)
		want   []string
	}{
		"nothing is checked": {passes: func(*metrics.Metrics) {}},
		"a certificate, then authorities alone": {
			passes: func(m *metrics.Metrics) {
				m.Checked(knowing("shop", holding("a", []int64{5, 9}, []int64{3}), holding("b", nil, []int64{4, 6})))
			},
			want: []string{line("a", "5"), line("b", "6")},
		},
		"what holds none has no series": {
			passes: func(m *metrics.Metrics) {
				m.Checked(knowing("shop", holding("a", []int64{}, nil), holding("b", nil, nil), configMap))
			},
		},
		"a Secret that two namespaces name is there once": {
			passes: func(m *metrics.Metrics) {
				m.Checked(knowing("shop", holding("a", []int64{5}, nil)))
				m.Checked(knowing("cart", holding("a", []int64{5}, nil), holding("b", []int64{6}, nil)))
			},
			want: []string{line("a", "5"), line("b", "6")},
		},
		"a later pass replaces the earlier": {
			passes: func(m *metrics.Metrics) {
				m.Checked(knowing("shop", holding("a", []int64{5}, nil)))
				m.Checked(knowing("shop", holding("b", []int64{6}, nil)))
			},
			want: []string{line("b", "6")},
		},
		"a namespace that leaves takes its series along": {
			passes: func(m *metrics.Metrics) {
				m.Checked(knowing("shop", holding("a", []int64{5}, nil)))
				m.Forget("shop")
			},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := metrics.New("v1")
			tc.passes(m)
			if diff := cmp.Diff(tc.want, nonzero(t, m, "meshtls_certificate_expiry_timestamp_seconds")); diff != "" {
				t.Errorf("expiries (-want +got):\n%s", diff)
			}
		})
	}
}

// knowing returns a snapshot with the credentials.
func knowing(namespace string, found ...model.Credential) model.Snapshot {
	return model.Snapshot{Namespace: namespace, Inventory: model.Inventory{Credentials: found}}
}

func TestFloorExceptions(t *testing.T) {
	t.Parallel()
	floor := func(until ...string) model.Snapshot {
		accept := &meshtlsv1alpha1.Accept{Floor: meshtlsv1alpha1.FloorStrict}
		for _, day := range until {
			accept.FloorExceptions = append(accept.FloorExceptions, meshtlsv1alpha1.FloorException{Policy: "a", Until: day})
		}
		s := knowing("shop")
		s.Now = metav1.Date(1970, time.January, 10, 0, 0, 0, 0, time.UTC)
		s.Policies = []*meshtlsv1alpha1.MeshTLSPolicy{{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "floor"}, Spec: meshtlsv1alpha1.MeshTLSPolicySpec{Accept: accept},
		}}
		return s
	}
	line := func(end string) string {
		return `meshtls_floor_exception_end_timestamp_seconds{namespace="shop",policy="floor"} ` + end
	}
	tests := map[string]struct {
		passes []model.Snapshot
		want   []string
	}{
		"no exception":                      {passes: []model.Snapshot{floor()}},
		"the first that has not ended":      {passes: []model.Snapshot{floor("1970-01-09", "1970-01-20", "1970-01-10")}, want: []string{line("864000")}},
		"all have ended":                    {passes: []model.Snapshot{floor("1970-01-09")}},
		"a later pass replaces the earlier": {passes: []model.Snapshot{floor("1970-01-10"), floor()}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := metrics.New("v1")
			for _, s := range tc.passes {
				m.Checked(s)
			}
			if diff := cmp.Diff(tc.want, nonzero(t, m, "meshtls_floor_exception_end_timestamp_seconds")); diff != "" {
				t.Errorf("exceptions (-want +got):\n%s", diff)
			}
		})
	}
}

func TestZerosAreThere(t *testing.T) {
	t.Parallel()
	// Five conditions with three statuses, and two that are either True or absent.
	if got, want := testutil.CollectAndCount(metrics.New("v1"), "meshtls_policies"), 5*3+2; got != want {
		t.Errorf("series of meshtls_policies: got %d, want %d", got, want)
	}
}

func TestWrites(t *testing.T) {
	t.Parallel()
	m := metrics.New("v1")
	change := model.Change{Verb: model.DriftCorrected, Object: model.ObjectRef{Kind: model.KindGateway, Namespace: "shop", Name: "x"}}
	m.Applied(model.ChangeSet{Changes: []model.Change{change, change}, Failures: []model.Failure{{Object: change.Object}}})
	m.StatusUpdated()
	want := []string{
		`meshtls_writes_total{kind="Gateway",verb="DriftCorrected"} 2`,
		`meshtls_writes_total{kind="MeshTLSPolicy",verb="StatusUpdated"} 1`,
	}
	if diff := cmp.Diff(want, nonzero(t, m, "meshtls_writes_total")); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
}

func TestBuildInfo(t *testing.T) {
	t.Parallel()
	want := []string{fmt.Sprintf(`meshtls_build_info{go_version=%q,version="v1"} 1`, runtime.Version())}
	if diff := cmp.Diff(want, nonzero(t, metrics.New("v1"), "meshtls_build_info")); diff != "" {
		t.Errorf("version (-want +got):\n%s", diff)
	}
}

func TestCompiled(t *testing.T) {
	t.Parallel()
	m := metrics.New("v1")
	m.Compiled(250 * time.Millisecond)
	got := nonzero(t, m, "meshtls_compile_seconds")
	want := []string{
		`meshtls_compile_seconds_bucket{le="0.4096"} 1`,
		`meshtls_compile_seconds_bucket{le="1.6384"} 1`,
		`meshtls_compile_seconds_bucket{le="+Inf"} 1`,
		`meshtls_compile_seconds_sum 0.25`,
		`meshtls_compile_seconds_count 1`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("compile seconds (-want +got):\n%s", diff)
	}
}

func TestRegisterReplacesAnEarlierOperator(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewPedanticRegistry()
	earlier, later := metrics.New("v1"), metrics.New("v1")
	earlier.StatusUpdated()
	for _, m := range []*metrics.Metrics{earlier, later} {
		if err := m.Register(registry); err != nil {
			t.Fatal(err)
		}
	}
	if count, err := testutil.GatherAndCount(registry, "meshtls_writes_total"); err != nil || count != 0 {
		t.Errorf("writes of the earlier operator: got %d, error %v, want none", count, err)
	}
}

func TestRolloutPhases(t *testing.T) {
	t.Parallel()
	m := metrics.New("")
	in := func(phase meshtlsv1alpha1.RolloutPhase) []meshtlsv1alpha1.MeshTLSPolicyStatus {
		return []meshtlsv1alpha1.MeshTLSPolicyStatus{{}, {Rollout: &meshtlsv1alpha1.RolloutStatus{Phase: phase}}}
	}
	result := model.Result{Namespace: "shop", Policies: []model.Outcome{
		{Policy: types.NamespacedName{Namespace: "shop", Name: "cart"}}, {Policy: types.NamespacedName{Namespace: "shop", Name: "payments"}},
	}}
	m.Passed(result, in(meshtlsv1alpha1.RolloutObserving))
	m.Passed(result, in(meshtlsv1alpha1.RolloutBlocked))
	want := []string{`meshtls_rollout_phase{namespace="shop",phase="Blocked",policy="payments"} 1`}
	if diff := cmp.Diff(want, nonzero(t, m, "meshtls_rollout_phase")); diff != "" {
		t.Errorf("the phase (-want +got):\n%s", diff)
	}
	m.Forget("shop")
	if got := nonzero(t, m, "meshtls_rollout_phase"); len(got) > 0 {
		t.Errorf("got %v of a namespace that has left", got)
	}
}
