package proxy_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/meshtls/meshtls/internal/explain"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/proxy"
	"github.com/meshtls/meshtls/internal/report"
	"github.com/meshtls/meshtls/test/golden"
	"github.com/meshtls/meshtls/test/manifests"
)

const (
	inputSuffix  = ".in.yaml"
	outputSuffix = ".out.txt"
	dumpSuffix   = ".dump.json"
)

// now is when the dumps were recorded, on a mesh of test/mesh with Istio 1.31 and Envoy 1.40.
var now = time.Date(2026, time.November, 30, 15, 0, 0, 0, time.UTC)

// TestGolden judges the proxies of each testdata/<behaviour>.in.yaml, a whole mesh, by the dumps <behaviour>.<pod>.dump.json.
func TestGolden(t *testing.T) {
	inputs := golden.Glob(t, "*"+inputSuffix)
	if len(inputs) == 0 {
		t.Fatal("no testdata")
	}
	for _, input := range inputs {
		name := strings.TrimSuffix(input, inputSuffix)
		t.Run(filepath.Base(name), func(t *testing.T) {
			inventory := meshOf(t, input)
			facts := factsOf(t, name)
			var text strings.Builder
			if err := report.VerificationText(&text, report.Verification{Proxies: judged(t, inventory, facts)}, report.StyleOf(&text)); err != nil {
				t.Fatal(err)
			}
			golden.Compare(t, name+outputSuffix, text.String())
		})
	}
}

// TestGoldenOutputsHaveInputs finds the files that a renamed or deleted input leaves behind.
func TestGoldenOutputsHaveInputs(t *testing.T) {
	golden.WantInputs(t, golden.Glob(t, "*"+outputSuffix), outputSuffix, inputSuffix)
	for _, dump := range golden.Glob(t, "*"+dumpSuffix) {
		name := strings.TrimSuffix(dump, dumpSuffix)
		input := name[:strings.LastIndex(name, ".")] + inputSuffix
		if _, err := os.Stat(input); err != nil {
			t.Errorf("%s has no %s", dump, input)
		}
	}
}

// meshOf returns the mesh of the file, once what its policies come to is written.
func meshOf(t *testing.T, file string) model.Inventory {
	t.Helper()
	documents, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return manifests.Read(t, now, string(documents)).Settled(t)
}

// factsOf returns the facts of the dumps beside an input, by namespace and pod.
func factsOf(t *testing.T, name string) map[string]proxy.Facts {
	t.Helper()
	all := map[string]proxy.Facts{}
	dumps, err := filepath.Glob(name + ".*" + dumpSuffix)
	if err != nil || len(dumps) == 0 {
		t.Fatalf("there are no dumps: %v", err)
	}
	for _, dump := range dumps {
		content, err := os.ReadFile(dump)
		if err != nil {
			t.Fatal(err)
		}
		facts, err := proxy.Read(content)
		if err != nil {
			t.Fatalf("%s: %v", dump, err)
		}
		all[facts.String()] = facts
	}
	return all
}

// judged returns the verdicts on the pods that have a dump.
func judged(t *testing.T, inventory model.Inventory, facts map[string]proxy.Facts) []proxy.Verdict {
	t.Helper()
	explained, err := explain.Pods(inventory, inventory.Workloads)
	if err != nil {
		t.Fatal(err)
	}
	view := mesh.New(inventory, "")
	var verdicts []proxy.Verdict
	for i, w := range inventory.Workloads {
		for _, pod := range w.Pods {
			if found, ok := facts[w.Namespace+"/"+pod.Name]; ok {
				verdicts = append(verdicts, proxy.Judge(view, proxy.Pod{Name: pod.Name, Workload: w, Explained: explained[i]}, found))
			}
		}
	}
	proxy.InOrder(verdicts)
	return verdicts
}
