package gitops

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/compile"
	"github.com/meshtls/meshtls/internal/model"
)

const waveAnnotation = "argocd.argoproj.io/sync-wave"

// exampleDocuments returns the YAML documents of docs/gitops.md that have an API version.
func exampleDocuments(t *testing.T) []string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "gitops.md"))
	if err != nil {
		t.Fatal(err)
	}
	var documents []string
	for _, block := range strings.Split(string(page), "```yaml\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		for _, document := range strings.Split(block, "\n---\n") {
			if strings.Contains(document, "apiVersion:") {
				documents = append(documents, document)
			}
		}
	}
	return documents
}

// TestExampleIsReady compiles the page's example as a cluster would have it, and each policy again without what its wave may
// not count on: everything of later waves.
func TestExampleIsReady(t *testing.T) {
	t.Parallel()
	policies := 0
	for wave := range 3 {
		for _, outcome := range compiledExample(t, wave) {
			policies++
			written := withStatus(outcome, model.Mesh{}, nil)
			if got := deciding(written); got != meshtlsv1alpha1.ReasonReady {
				t.Errorf("%s, with all up to wave %d: got %s, want %s", outcome.Policy, wave, got, meshtlsv1alpha1.ReasonReady)
			}
		}
	}
	if want := 1 + 1 + 2; policies != want {
		t.Errorf("policies in the three waves: got %d, want %d", policies, want)
	}
}

// compiledExample returns the outcome of the example's policies when the waves up to this one are synced.
func compiledExample(t *testing.T, upTo int) []model.Outcome {
	t.Helper()
	var world []string
	for _, document := range exampleDocuments(t) {
		if strings.Contains(document, "namespace: argocd") || waveOf(t, document) > upTo {
			continue
		}
		world = append(world, document)
	}
	file := filepath.Join(t.TempDir(), "example.yaml")
	if err := os.WriteFile(file, []byte(strings.Join(world, "\n---\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	var outcomes []model.Outcome
	for _, snapshot := range gathered(t, file) {
		outcomes = append(outcomes, compile.Compile(snapshot).Policies...)
	}
	return outcomes
}

func waveOf(t *testing.T, document string) int {
	t.Helper()
	var obj struct {
		Metadata struct {
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
	}
	if err := yaml.Unmarshal([]byte(document), &obj); err != nil {
		t.Fatal(err)
	}
	wave, err := strconv.Atoi(obj.Metadata.Annotations[waveAnnotation])
	if err != nil {
		t.Fatalf("%v in:\n%s", err, document)
	}
	return wave
}
