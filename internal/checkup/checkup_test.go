package checkup_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/utils/ptr"

	"github.com/meshtls/meshtls/internal/checkup"
	"github.com/meshtls/meshtls/internal/model"
)

var now = metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))

// operator returns the operator's Deployment with two replicas, of which some are ready.
func operator(ready int32, args ...string) appsv1.Deployment {
	d := appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "meshtls-system", Name: "meshtls"}}
	d.Spec.Replicas, d.Status.ReadyReplicas = ptr.To[int32](2), ready
	d.Spec.Template.Spec.Containers = []corev1.Container{{Name: "manager", Image: "meshtls/manager:v1", Args: args}}
	return d
}

// home returns the facts of a cluster in which all is well.
func home() checkup.Facts {
	return checkup.Facts{
		Version: "v1", Server: "v1.36.0", Minor: 36, CRD: "same", WantCRD: "same", Now: now,
		Deployments: []appsv1.Deployment{operator(2, "--leader-elect", "--prometheus-url=http://prometheus:9090")},
		Lease:       &checkup.Lease{Holder: "meshtls-1", Renewed: metav1.NewTime(now.Add(-5 * time.Second)), Seconds: 15},
		Bindings:    []checkup.Binding{{Name: "policy-authors", Denies: true}},
		Injectors:   []string{"istio-sidecar-injector"},
		Inventory: model.Inventory{
			Mesh: model.Mesh{RootNamespace: "istio-system", AutoMTLS: true}, Tags: []model.RevisionTag{{Tag: "prod", Revision: "1-31"}},
			Workloads: []*model.Workload{{Count: 3, Dataplane: model.DataplaneSidecar}},
		},
		Policies: []checkup.Policy{{Name: "shop/a"}},
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(f *checkup.Facts)
		// check is the one that answers otherwise; empty: none does.
		check string
		state checkup.State
		says  string
	}{
		"all is well":                {change: func(*checkup.Facts) {}},
		"an old API server":          {func(f *checkup.Facts) { f.Minor = 29 }, "api-server", checkup.Failed, "1.30"},
		"what the user may not list": {func(f *checkup.Facts) { f.Denied = []string{"list pods"} }, "rights", checkup.Warning, "list pods"},
		"no Istio":                   {func(f *checkup.Facts) { f.Missing = sets.New("Gateway", "Sidecar") }, "istio-crds", checkup.Failed, "Gateway, which"},
		"no mesh config":             {func(f *checkup.Facts) { f.Inventory.Mesh.Problem = "There is none." }, "mesh-config", checkup.Warning, "There is none."},
		"auto mTLS is off":           {func(f *checkup.Facts) { f.Inventory.Mesh.AutoMTLS = false }, "mesh-config", checkup.Warning, "Auto mTLS"},
		"no control plane":           {func(f *checkup.Facts) { f.Inventory.Tags = nil }, "revisions", checkup.Warning, "not known"},
		"no injector":                {func(f *checkup.Facts) { f.Injectors = nil }, "injection", checkup.Warning, "3 of 3 pods"},
		"no pod of the mesh":         {func(f *checkup.Facts) { f.Inventory.Workloads[0].Dataplane = model.DataplaneNone }, "injection", checkup.Warning, "None of 3"},
		"another CRD":                {func(f *checkup.Facts) { f.CRD = "other" }, "crd", checkup.Warning, "this plugin, v1"},
		"no CRD":                     {func(f *checkup.Facts) { f.CRD = nil }, "crd", checkup.Failed, "Install the CRD"},
		"no Deployment":              {func(f *checkup.Facts) { f.Deployments = nil; f.Lease = nil }, "deployment", checkup.Failed, "label"},
		"two Deployments":            {func(f *checkup.Facts) { f.Deployments = append(f.Deployments, operator(1)) }, "deployment", checkup.Failed, "2 Deployments"},
		"no replica is ready":        {func(f *checkup.Facts) { f.Deployments[0].Status.ReadyReplicas = 0 }, "deployment", checkup.Failed, "kubectl logs"},
		"a replica is not ready":     {func(f *checkup.Facts) { f.Deployments[0].Status.ReadyReplicas = 1 }, "deployment", checkup.Warning, "1 of 2"},
		"nobody leads":               {func(f *checkup.Facts) { f.Lease = nil }, "leader", checkup.Failed, "No replica"},
		"somebody led":               {func(f *checkup.Facts) { f.Lease.Renewed = metav1.NewTime(now.Add(-time.Hour)) }, "leader", checkup.Failed, "1h0m0s ago"},
		"nobody is to lead": {func(f *checkup.Facts) {
			f.Lease = nil
			f.Deployments[0].Spec.Template.Spec.Containers[0].Args[0] = "--leader-elect=false"
		}, "", "", ""},
		"admission is not bound":        {func(f *checkup.Facts) { f.Bindings = nil }, "admission", checkup.Warning, "is bound"},
		"admission denies nothing":      {func(f *checkup.Facts) { f.Bindings[0].Denies = false }, "admission", checkup.Warning, "denies nothing"},
		"a status is stale":             {func(f *checkup.Facts) { f.Policies[0].Remark = "Old." }, "statuses", checkup.Failed, "shop/a"},
		"objects have drifted":          {func(f *checkup.Facts) { f.Drifted = []string{"a", "b", "c", "d", "e", "f", "g"} }, "drift", checkup.Failed, "a, b, c, d, e and 2 more"},
		"a rollout without any metrics": {func(f *checkup.Facts) { f.Deployments[0] = operator(2, "-leader-elect"); f.Policies[0].Rollout = true }, "prometheus", checkup.Warning, "rollouts"},
		"a rollout with the proxies'": {func(f *checkup.Facts) {
			f.Deployments[0] = operator(2, "--leader-elect", "--evidence-scrape")
			f.Policies[0].Rollout = true
		}, "", "", ""},
		"what could not be read": {func(f *checkup.Facts) { f.Unread = map[string]error{"crd": errors.New("no")} }, "crd", checkup.Unknown, "no."},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			facts := home()
			tc.change(&facts)
			for _, line := range checkup.Lines(facts) {
				want, says := checkup.OK, ""
				if line.Check == tc.check {
					want, says = tc.state, tc.says
				}
				if line.State != want || !strings.Contains(line.Message+" "+line.Remedy, says) {
					t.Errorf("%s: got %s: %s %s; want %s with %q", line.Check, line.State, line.Message, line.Remedy, want, says)
				}
			}
		})
	}
}

// TestLinesBeforeTheInstallation asks nothing of an operator that is not there, and wants the rights that it takes.
func TestLinesBeforeTheInstallation(t *testing.T) {
	t.Parallel()
	facts := checkup.Facts{Pre: true, Server: "v1.36.0", Inventory: home().Inventory, Injectors: home().Injectors}
	if lines := checkup.Lines(facts); checkup.Worst(lines) != checkup.OK {
		t.Errorf("got %+v", lines)
	}
	facts.Denied = []string{"create clusterroles"}
	if lines := checkup.Lines(facts); checkup.Worst(lines) != checkup.Failed {
		t.Errorf("without a right: got %+v", lines)
	}
}

// TestDocs wants each line to name a page, and a section of it, that there is.
func TestDocs(t *testing.T) {
	t.Parallel()
	for _, line := range checkup.Lines(home()) {
		_, page, found := strings.Cut(line.Docs, "/blob/main/docs/")
		file, section, _ := strings.Cut(page, "#")
		content, err := os.ReadFile(filepath.Join("..", "..", "docs", file))
		if err != nil || !found {
			t.Errorf("%s names %s: %v", line.Check, line.Docs, err)
			continue
		}
		title := regexp.MustCompile(fmt.Sprintf(`(?mi)^##+ %s$`, strings.ReplaceAll(section, "-", "[ -]")))
		if section != "" && !title.Match(content) {
			t.Errorf("%s names %s, and the page has no such section", line.Check, line.Docs)
		}
	}
}
