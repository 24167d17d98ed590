package explain_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/compile"
	"github.com/meshtls/meshtls/internal/explain"
	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/report"
	"github.com/meshtls/meshtls/internal/source"
	"github.com/meshtls/meshtls/test/golden"
	"github.com/meshtls/meshtls/test/worlds"
)

const (
	inputSuffix = ".in.yaml"
	textSuffix  = ".out.txt"
	jsonSuffix  = ".out.json"
	// askPrefix begins the line of an input that holds the question, as it is typed.
	askPrefix = "# ask: "
	// shuffles is how often the question is asked again, of a world whose lists are in another order.
	shuffles = 3
)

// TestGolden asks the question of each testdata/<behaviour>.in.yaml, a whole mesh, and compares what people and programs get to read
// with the outputs beside it.
func TestGolden(t *testing.T) {
	for _, input := range glob(t, inputSuffix) {
		name := strings.TrimSuffix(input, inputSuffix)
		t.Run(filepath.Base(name), func(t *testing.T) {
			mesh, question := meshOf(t, input), questionOf(t, input)
			policies := policiesOf(t, input)
			text, encoded := answered(t, mesh, policies, question)
			for seed := range uint64(shuffles) {
				other := worlds.Shuffled(mesh, seed)
				other.Services, other.Workloads = mesh.Services, mesh.Workloads // they are in order in every inventory
				again, _ := answered(t, other, policies, question)
				if diff := cmp.Diff(text, again); diff != "" {
					t.Fatalf("the answer depends on the order of the input; seed %d (-in order +shuffled):\n%s", seed, diff)
				}
			}
			golden.Compare(t, name+textSuffix, text)
			golden.Compare(t, name+jsonSuffix, encoded)
		})
	}
}

// TestGoldenOutputsHaveInputs finds the outputs that a renamed or deleted input leaves behind.
func TestGoldenOutputsHaveInputs(t *testing.T) {
	for _, suffix := range []string{textSuffix, jsonSuffix} {
		golden.WantInputs(t, glob(t, suffix), suffix, inputSuffix)
	}
}

func glob(t *testing.T, suffix string) []string {
	t.Helper()
	files := golden.Glob(t, "*"+suffix)
	if len(files) == 0 {
		t.Fatal("no testdata")
	}
	return files
}

// meshOf returns the mesh of the file, once what its policies come to is written.
func meshOf(t *testing.T, file string) model.Inventory {
	t.Helper()
	reader, err := source.Read(t.Context(), []string{file}, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return inForce(t, reader)
}

// admittedMeshOf leaves out what the API server would not admit.
func admittedMeshOf(t *testing.T, file string) model.Inventory {
	t.Helper()
	reader, err := source.Read(t.Context(), []string{file}, source.Options{})
	if reader == nil {
		t.Fatal(err)
	}
	return inForce(t, reader)
}

func inForce(t *testing.T, reader *source.Reader) model.Inventory {
	t.Helper()
	mesh, err := gather.Inventory(t.Context(), reader, time.Time{}, gather.Options{})
	if err != nil {
		t.Fatal(err)
	}
	policies, err := gather.Policies(t.Context(), reader)
	if err != nil {
		t.Fatal(err)
	}
	settled, err := compile.Settle(mesh, policies)
	if err != nil {
		t.Fatal(err)
	}
	return settled.Inventory
}

// questionOf reads the question from the comment of the input.
func questionOf(t *testing.T, input string) explain.Question {
	t.Helper()
	content, err := os.ReadFile(input)
	if err != nil {
		t.Fatal(err)
	}
	_, asked, found := strings.Cut(string(content), askPrefix)
	if !found {
		t.Fatalf("%s asks nothing: it has no line %q", input, askPrefix)
	}
	line, _, _ := strings.Cut(asked, "\n")
	return parse(t, line)
}

// parse reads a question as it is typed.
func parse(t *testing.T, line string) explain.Question {
	t.Helper()
	words := strings.Fields(line)
	question := explain.Question{Target: words[0]}
	for i := 1; i < len(words); i++ {
		switch words[i] {
		case "--all":
			question.All = true
			continue
		case "--to":
			question.To = words[i+1]
		case "-n":
			question.Namespace = words[i+1]
		case "-p":
			port, err := strconv.ParseInt(words[i+1], 10, 32)
			if err != nil {
				t.Fatal(err)
			}
			question.Port = int32(port)
		default:
			t.Fatalf("%q is no part of a question", words[i])
		}
		i++
	}
	return question
}

// policiesOf returns the policies of the file.
func policiesOf(t *testing.T, input string) []*meshtlsv1alpha1.MeshTLSPolicy {
	t.Helper()
	reader, err := source.Read(t.Context(), []string{input}, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	policies, err := gather.Policies(t.Context(), reader)
	if err != nil {
		t.Fatal(err)
	}
	return policies
}

// ask asks as the command does.
func ask(mesh model.Inventory, policies []*meshtlsv1alpha1.MeshTLSPolicy, question explain.Question) (explain.Answer, error) {
	if question.AboutPolicy() {
		return explain.Policy(mesh, policies, question)
	}
	return explain.Explain(mesh, question)
}

func answered(
	t *testing.T, mesh model.Inventory, policies []*meshtlsv1alpha1.MeshTLSPolicy, question explain.Question,
) (text, encoded string) {
	t.Helper()
	answer, err := ask(mesh, policies, question)
	if err != nil {
		t.Fatal(err)
	}
	var forPeople, forPrograms bytes.Buffer
	if err := report.Explanation(&forPeople, answer, report.Style{Width: 100}); err != nil {
		t.Fatal(err)
	}
	if err := report.ExplanationJSON(&forPrograms, answer); err != nil {
		t.Fatal(err)
	}
	return forPeople.String(), forPrograms.String()
}
