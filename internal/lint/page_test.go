package lint_test

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/yaml"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/lint/all"
	"github.com/meshtls/meshtls/internal/lint/policy"
	"github.com/meshtls/meshtls/test/golden"
)

// page explains every finding. What is between its markers is made from the registry and the worlds.
var page = filepath.Join("..", "..", "docs", "findings.md")

var generated = regexp.MustCompile(`(?s)(<!-- generated: ([a-z -]+) -->\n).*?(<!-- end -->\n)`)

// TestPage holds the page to the registry and the worlds; UPDATE_GOLDEN=1 rewrites it.
func TestPage(t *testing.T) {
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	made := regions(t)
	unused := sets.KeySet(made)
	text := generated.ReplaceAllStringFunc(string(content), func(region string) string {
		parts := generated.FindStringSubmatch(region)
		write, known := made[parts[2]]
		if !known {
			t.Errorf("%s: nothing is known of a region %q", page, parts[2])
			return region
		}
		unused.Delete(parts[2])
		return parts[1] + write + parts[3]
	})
	if unused.Len() > 0 {
		t.Errorf("%s has no regions for %v", page, sets.List(unused))
	}
	golden.Compare(t, page, text)
}

// TestCatalogue wants the classes that checks name to be those of the catalogue.
func TestCatalogue(t *testing.T) {
	var want []string
	known := sets.New[string]()
	for i, m := range catalogue {
		want = append(want, fmt.Sprintf("M%02d", i+1))
		known.Insert(m.class)
	}
	if diff := gocmp.Diff(want, sets.List(known)); diff != "" {
		t.Errorf("classes of the catalogue (-want +got):\n%s", diff)
	}
	for _, about := range all.About() {
		for _, class := range about.Classes {
			if !known.Has(class) {
				t.Errorf("%s is about class %s, which the catalogue does not have", about.Name, class)
			}
		}
	}
}

// TestAbout wants every finding to be described in full, under a name of its own.
func TestAbout(t *testing.T) {
	names := sets.New[string]()
	for _, about := range all.About() {
		if names.Has(about.Name) {
			t.Errorf("there are two findings of the name %s", about.Name)
		}
		names.Insert(about.Name)
		if about.Finds == "" || about.Why == "" || about.Fix == "" || len(about.Severity) == 0 {
			t.Errorf("%s is not described: %+v", about.Name, about)
		}
	}
}

// TestSeverities wants the severities that the worlds show to be those that the registry has, and each of them to be shown.
func TestSeverities(t *testing.T) {
	shown := map[string]sets.Set[string]{}
	for _, path := range worldsOf(t, "*") {
		for _, f := range wantOf(t, path) {
			if shown[f.Check] == nil {
				shown[f.Check] = sets.New[string]()
			}
			shown[f.Check].Insert(f.Severity)
		}
	}
	for _, check := range all.Checks() {
		registered := sets.New[string]()
		for _, severity := range check.Severity {
			registered.Insert(string(severity))
		}
		if diff := gocmp.Diff(sets.List(registered), sets.List(shown[check.Name])); diff != "" {
			t.Errorf("severities of %s (-registered +shown by worlds):\n%s", check.Name, diff)
		}
	}
}

// regions returns what is generated, by name.
func regions(t *testing.T) map[string]string {
	t.Helper()
	ofPolicies := slices.Concat(policy.Decided(), policy.Checked())
	slices.SortFunc(ofPolicies, func(a, b lint.About) int {
		return cmp.Or(cmp.Compare(placeOf(a), placeOf(b)), strings.Compare(a.Name, b.Name))
	})
	made := map[string]string{"table policy": policyTable(ofPolicies), "catalogue": catalogueTable()}
	for i, part := range partsOfSpec {
		var sections strings.Builder
		for _, about := range ofPolicies {
			if placeOf(about) == i {
				sections.WriteString(section(about, policyExample(t, about.Name)))
			}
		}
		made["sections "+part] = "\n" + sections.String()
	}
	for _, kind := range all.Kinds() {
		var sections strings.Builder
		for _, check := range kind.Checks {
			sections.WriteString(section(check.About, example(t, check)+inPolicy(check)))
		}
		made["checks "+kind.Name] = checkTable(kind.Checks) + "\n" + sections.String()
	}
	return made
}

// partsOfSpec are the parts of a policy that the findings about policies are sorted by.
var partsOfSpec = []string{"target", "accept", "send", "gateway"}

// placeOf returns the place of the part of a policy that the finding is about.
func placeOf(about lint.About) int {
	part, _, _ := strings.Cut(about.Name, "-")
	return slices.Index(partsOfSpec, part)
}

func link(name string) string { return fmt.Sprintf("[`%[1]s`](#%[1]s)", name) }

func severities(about lint.About) string {
	var words []string
	for _, severity := range about.Severity {
		words = append(words, strings.ToLower(string(severity)))
	}
	return strings.Join(words, ", ")
}

func policyTable(abouts []lint.About) string {
	table := "| check | severity | reason |\n|---|---|---|\n"
	for _, about := range abouts {
		reasons := ""
		if len(about.Reasons) > 0 {
			reasons = "`" + strings.Join(about.Reasons, "`, `") + "` "
		}
		table += fmt.Sprintf("| %s | %s | %s|\n", link(about.Name), severities(about), reasons)
	}
	return table
}

func checkTable(checks []lint.Check) string {
	table := "| check | severity |\n|---|---|\n"
	for _, check := range checks {
		table += fmt.Sprintf("| %s | %s |\n", link(check.Name), severities(check.About))
	}
	return table
}

// catalogueTable has a row for each class of mistakes, and one for the checks that are about none of them.
func catalogueTable() string {
	links := map[string][]string{}
	for _, about := range all.About() {
		for _, class := range about.Classes {
			links[class] = append(links[class], link(about.Name))
		}
	}
	table := "| class | mistake | found by |\n|---|---|---|\n"
	for _, m := range catalogue {
		by := strings.Join(links[m.class], ", ")
		if by != "" && m.note != "" {
			by += ". "
		}
		table += fmt.Sprintf("| %s | %s | %s |\n", m.class, m.words, by+m.note)
	}
	var others []string
	for _, check := range all.Checks() {
		if len(check.Classes) == 0 {
			others = append(others, link(check.Name))
		}
	}
	return table + fmt.Sprintf("| — | Others, which their sections explain | %s |\n", strings.Join(others, ", "))
}

func section(about lint.About, example string) string {
	return fmt.Sprintf("### %s\n\n**Finds** %s\n**Why.** %s\n%s**Fix.** %s\n\n", about.Name, about.Finds, about.Why, example, about.Fix)
}

// inPolicy says what to do where the object is the operator's.
func inPolicy(check lint.Check) string {
	if check.InPolicy == "" {
		return ""
	}
	return "**Fix in a policy.** " + check.InPolicy + "\n"
}

// example shows the first world in which the check speaks and the first in which it just does not, and which kinds it reads in its
// worlds.
func example(t *testing.T, check lint.Check) string {
	t.Helper()
	var speaks, silent string
	for _, path := range worldsOf(t, check.Name) {
		switch {
		case finds(t, path, check.Name) && speaks == "":
			speaks = path
		case !finds(t, path, check.Name) && silent == "":
			silent = path
		}
	}
	at := slices.IndexFunc(wantOf(t, speaks), func(f found) bool { return f.Check == check.Name })
	f := wantOf(t, speaks)[at]
	return fmt.Sprintf("**Example.** %s (%s): %s\n**Not found** in %s.\n**Reads** %s.\n", worldLink("lint", speaks), f.Object,
		plain(f.Message), worldLink("lint", silent), strings.Join(readsOf(t, check), ", "))
}

// worldLink links to a world by its behaviour.
func worldLink(pkg, path string) string {
	name, _, _ := strings.Cut(filepath.Base(path), ".")
	return fmt.Sprintf("[%s](../internal/%s/%s)", strings.ReplaceAll(name, "-", " "), pkg, filepath.ToSlash(path))
}

// plain keeps Markdown from reading the words.
func plain(words string) string {
	return strings.NewReplacer("*", `\*`, "_", `\_`, "<", `\<`).Replace(words)
}

// policyExample shows the first of the compile's worlds in which the finding is on a policy.
func policyExample(t *testing.T, name string) string {
	t.Helper()
	outputs, err := filepath.Glob(filepath.Join("..", "compile", "testdata", "*", "*.out.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, output := range outputs {
		content, err := os.ReadFile(output)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(content), "check: "+name+"\n") {
			continue
		}
		path, err := filepath.Rel(filepath.Join("..", "compile"), strings.Replace(output, ".out.", ".in.", 1))
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("**Example.** %s: %s\n", worldLink("compile", path), plain(messageOn(t, content, name)))
	}
	t.Errorf("%s is found in no world of a compile", name)
	return ""
}

// messageOn returns the message of the finding in the statuses of a compile's output.
func messageOn(t *testing.T, output []byte, name string) string {
	t.Helper()
	for document := range strings.SplitSeq(string(output), "\n---\n") {
		var shown struct {
			Status meshtlsv1alpha1.MeshTLSPolicyStatus `json:"status"`
		}
		if err := yaml.Unmarshal([]byte(document), &shown); err != nil {
			t.Fatal(err)
		}
		for _, f := range shown.Status.Findings {
			if f.Check == name {
				return f.Message
			}
		}
	}
	return ""
}
