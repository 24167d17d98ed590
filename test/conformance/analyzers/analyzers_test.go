package analyzers

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/lint/all"
	"github.com/meshtls/meshtls/internal/model"
)

// findingsPage tells users of the differences.
var findingsPage = filepath.Join("..", "..", "..", "docs", "findings.md")

// TestAnalyzers compares what lint says of the inputs of Istio's analyzers' own tests with what these say.
func TestAnalyzers(t *testing.T) {
	files, err := filepath.Glob(folderOfIstio(t, "pkg", "config", "analysis", "analyzers", "testdata", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no inputs: %v", err)
	}
	agreed, used := 0, sets.New[string]()
	for _, file := range files {
		manifest := manifestsOf(t, file)
		for _, topic := range topics {
			c := compare(t, topic, file, topic.completed(t, manifest))
			agreed += c.both.Len()
			for _, d := range c.differences() {
				why := c.reason(d)
				if why == "" {
					t.Errorf("%v, and it is not written down why", d)
				}
				used.Insert(why)
			}
		}
	}
	t.Logf("%d inputs: of %d objects both say the same; %d reasons for differences", len(files), agreed, used.Len())
	page, err := os.ReadFile(findingsPage)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range reasons {
		if !used.Has(r.why) {
			t.Errorf("there is no such difference: %s", r.why)
		}
		if row := fmt.Sprintf("| %s | %s | %s |", r.topic, r.by, r.why); !bytes.Contains(page, []byte(row)) {
			t.Errorf("%s lacks the row\n%s", findingsPage, row)
		}
	}
}

// comparison is what the two say of the manifests on a topic: the names of the objects.
type comparison struct {
	topic             topic
	file              string
	manifest          []byte
	mesh              model.Inventory
	findings          []model.Finding
	istio, lint, both sets.Set[string]
}

func compare(t *testing.T, topic topic, file string, manifest []byte) comparison {
	t.Helper()
	mesh := inventoryOf(t, manifest)
	c := comparison{
		topic: topic, file: filepath.Base(file), manifest: manifest, mesh: mesh, findings: all.Findings(mesh),
		istio: sets.New[string](), lint: sets.New[string](),
	}
	for _, m := range analyzed(t, file, manifest) {
		if topic.says(m) {
			c.istio.Insert(objectOf(m))
		}
	}
	for _, f := range c.findings {
		if slices.Contains(topic.checks, f.Check) {
			c.lint.Insert(f.Subject.String())
		}
	}
	c.both = c.istio.Intersection(c.lint)
	return c
}

// tells reports whether lint has the finding about the object.
func (c comparison) tells(object, check string) bool {
	return slices.ContainsFunc(c.findings, func(f model.Finding) bool { return f.Check == check && f.Subject.String() == object })
}

// difference is something that only one of the two says.
type difference struct{ file, topic, object, by string }

func (d difference) String() string {
	return fmt.Sprintf("%s: only %s says of %s: %s", d.file, d.by, d.object, d.topic)
}

func (c comparison) differences() []difference {
	var all []difference
	for object := range c.istio.Difference(c.lint) {
		all = append(all, difference{file: c.file, topic: c.topic.name, object: object, by: byIstio})
	}
	for object := range c.lint.Difference(c.istio) {
		all = append(all, difference{file: c.file, topic: c.topic.name, object: object, by: byLint})
	}
	return all
}
