// Package prometheus tests the alerts, the dashboard and the page about the metrics. That what they ask for is served is tested
// in test/suite/operator.
package prometheus

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/yaml"

	"github.com/meshtls/meshtls/internal/evidence"
	"github.com/meshtls/meshtls/internal/metrics"
)

// groups are what rules.yaml holds.
type groups struct {
	Groups []struct {
		Name     string `json:"name"`
		Interval string `json:"interval,omitempty"`
		Rules    []rule `json:"rules"`
	} `json:"groups"`
}

type rule struct {
	Alert       string            `json:"alert,omitempty"`
	Record      string            `json:"record,omitempty"`
	Expr        string            `json:"expr"`
	For         string            `json:"for,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// dashboard is the part of Grafana's format that matters here.
type dashboard struct {
	UID    string `json:"uid"`
	Panels []struct {
		ID          int                      `json:"id"`
		Title       string                   `json:"title"`
		Description string                   `json:"description"`
		GridPos     struct{ X, Y, W, H int } `json:"gridPos"`
		Targets     []struct {
			Expr string `json:"expr"`
		} `json:"targets"`
	} `json:"panels"`
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func readRules(t *testing.T, path string) groups {
	t.Helper()
	var g groups
	if err := yaml.UnmarshalStrict([]byte(read(t, path)), &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// dashboards are all of them.
var dashboards = []string{"dashboard.json", "traffic.json"}

func readDashboard(t *testing.T, path string) dashboard {
	t.Helper()
	var d dashboard
	if err := json.Unmarshal([]byte(read(t, path)), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestPrometheusRulesHaveTheSameRules(t *testing.T) {
	t.Parallel()
	for object, file := range map[string]string{"prometheusrule.yaml": "rules.yaml", "trafficrule.yaml": "traffic_rules.yaml"} {
		var got struct {
			Spec groups `json:"spec"`
		}
		if err := yaml.Unmarshal([]byte(read(t, object)), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(readRules(t, file), got.Spec); diff != "" {
			t.Errorf("%s (-%s +%s):\n%s", object, file, object, diff)
		}
	}
}

// runbook is where each alert has a row.
const runbook = "https://github.com/meshtls/meshtls/blob/main/docs/metrics.md#"

func TestAlertsAreComplete(t *testing.T) {
	t.Parallel()
	page, recorded := read(t, filepath.Join("..", "..", "docs", "metrics.md")), read(t, "rules_test.yaml")
	for _, group := range readRules(t, "rules.yaml").Groups {
		for _, r := range group.Rules {
			if r.Labels["severity"] == "" || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
				t.Errorf("%s: got %v, want a severity, a summary and a description", r.Alert, r)
			}
			anchor := strings.ToLower(r.Alert)
			if got := r.Annotations["runbook_url"]; got != runbook+anchor {
				t.Errorf("%s: got the runbook %q, want %s", r.Alert, got, runbook+anchor)
			}
			if !strings.Contains(page, "| `"+r.Alert+"` | "+r.Labels["severity"]+` | <a id="`+anchor+`"></a>`) {
				t.Errorf("docs/metrics.md has no row with an anchor for the alert %s of severity %s", r.Alert, r.Labels["severity"])
			}
			if !regexp.MustCompile(`alertname: ` + r.Alert + `\n\s+exp_alerts:`).MatchString(recorded) {
				t.Errorf("rules_test.yaml has no series that set off %s", r.Alert)
			}
		}
	}
}

// TestTrafficRulesCountAsTheEvidenceDoes holds the recorded series to the queries of the code: they see whoever calls once.
func TestTrafficRulesCountAsTheEvidenceDoes(t *testing.T) {
	t.Parallel()
	const by = "source_workload_namespace, source_workload, destination_workload_namespace, destination_workload, " +
		"destination_service_name, request_protocol, connection_security_policy"
	selectors := map[string]string{
		"meshtls:edge_requests:increase5m":    `istio_requests_total{reporter="destination"}`,
		"meshtls:edge_connections:increase5m": `istio_tcp_connections_opened_total{reporter="destination"}`,
		"meshtls:edge_denied:increase5m":      `istio_tcp_connections_closed_total{reporter="destination",response_flags="DENY"}`,
	}
	page := read(t, filepath.Join("..", "..", "docs", "metrics.md"))
	group := readRules(t, "traffic_rules.yaml").Groups[0]
	if group.Interval != "5m" || len(group.Rules) != len(selectors) {
		t.Errorf("got %d rules every %s, want %d every 5m: a longer or shorter step counts too little or too much", len(group.Rules), group.Interval, len(selectors))
	}
	for _, r := range group.Rules {
		if want := fmt.Sprintf("sum by (%s) (%s)", by, evidence.Growth(selectors[r.Record], 5*time.Minute)); r.Expr != want {
			t.Errorf("%s: got\n%s\nwant\n%s", r.Record, r.Expr, want)
		}
		if !strings.Contains(page, "| `"+r.Record+"` |") {
			t.Errorf("docs/metrics.md has no row for %s", r.Record)
		}
	}
}

func TestPageListsTheMetrics(t *testing.T) {
	t.Parallel()
	descriptions := make(chan *prometheus.Desc, 16)
	metrics.New("").Describe(descriptions)
	close(descriptions)
	want := sets.New[string]()
	for d := range descriptions {
		want.Insert(regexp.MustCompile(`fqName: "(\w+)"`).FindStringSubmatch(d.String())[1])
	}
	got := sets.New[string]()
	for _, row := range regexp.MustCompile("(?m)^\\| `(meshtls_\\w+)` \\|").FindAllStringSubmatch(read(t, "../../docs/metrics.md"), -1) {
		got.Insert(row[1])
	}
	if diff := cmp.Diff(sets.List(want), sets.List(got)); diff != "" {
		t.Errorf("the table of docs/metrics.md (-registered +listed):\n%s", diff)
	}
}

func TestDashboardsAreOrderly(t *testing.T) {
	t.Parallel()
	for _, path := range dashboards {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			checkOrder(t, readDashboard(t, path))
		})
	}
}

func checkOrder(t *testing.T, d dashboard) {
	t.Helper()
	const columns = 24
	ids, taken := sets.New[int](), sets.New[[2]int]()
	for _, p := range d.Panels {
		if ids.Has(p.ID) || p.Title == "" || p.Description == "" || len(p.Targets) == 0 {
			t.Errorf("panel %d %q: want an id of its own, a title, a description and a query", p.ID, p.Title)
		}
		ids.Insert(p.ID)
		at := p.GridPos
		if at.W == 0 || at.H == 0 || at.X+at.W > columns {
			t.Errorf("panel %q: got the place %+v, want one within %d columns", p.Title, at, columns)
		}
		for cell := range at.W * at.H {
			place := [2]int{at.X + cell%at.W, at.Y + cell/at.W}
			if taken.Has(place) {
				t.Fatalf("panel %q lies over another one at %v", p.Title, place)
			}
			taken.Insert(place)
		}
	}
	if d.UID == "" || len(ids) == 0 {
		t.Errorf("got uid %q and %d panels, want both", d.UID, len(ids))
	}
}

// TestPromtool gives the rules, the series and the dashboard's queries to Prometheus' own tool. Where it is not installed, the
// tests above are what there is; make promtool-check insists on it.
func TestPromtool(t *testing.T) {
	t.Parallel()
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("PROMTOOL") == "required" {
			t.Fatal("promtool is not installed; in Debian it is in the package prometheus")
		}
		t.Log("promtool is not installed, so only the structure is tested")
		return
	}
	check := []string{"check", "rules", "--lint=all", "--lint-fatal", "rules.yaml", "traffic_rules.yaml"}
	for _, path := range dashboards {
		queries := filepath.Join(t.TempDir(), path+".yaml")
		if err := os.WriteFile(queries, asRules(t, readDashboard(t, path)), 0o600); err != nil {
			t.Fatal(err)
		}
		check = append(check, queries)
	}
	for _, args := range [][]string{check, {"test", "rules", "rules_test.yaml", "traffic_rules_test.yaml"}} {
		output, err := exec.CommandContext(t.Context(), promtool, args...).CombinedOutput() // #nosec G204 -- the user's own promtool
		if err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, output)
		}
	}
}

// asRules makes recording rules of the dashboard's queries, for promtool to read.
func asRules(t *testing.T, d dashboard) []byte {
	t.Helper()
	filled := strings.NewReplacer("$__rate_interval", "5m", "$__range", "7d", "$job", ".*", "$namespace", ".*")
	var rules []rule
	for _, p := range d.Panels {
		for i, target := range p.Targets {
			rules = append(rules, rule{Record: fmt.Sprintf("panel%d:%d", p.ID, i), Expr: filled.Replace(target.Expr)})
		}
	}
	text, err := yaml.Marshal(map[string]any{"groups": []map[string]any{{"name": "dashboard", "rules": rules}}})
	if err != nil {
		t.Fatal(err)
	}
	return text
}
