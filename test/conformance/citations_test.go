package conformance_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// minCitations keeps the test honest: were the comments written in another way, it would find none.
const minCitations = 150

// TestCitationsAreTrue looks up where our comments say that a rule of Istio is written: the file is there, and defines what is named.
func TestCitationsAreTrue(t *testing.T) {
	library := library{istio: moduleDir(t, "istio.io/istio"), api: moduleDir(t, "istio.io/api"), defined: map[string]map[string]bool{}}
	found := 0
	for _, c := range citationsBelow(t, filepath.Join("..", "..")) {
		found++
		for _, place := range placesOf(c.text) {
			if err := library.lookUp(place); err != nil {
				t.Errorf("%s: %v", c.at, err)
			}
		}
	}
	if found < minCitations {
		t.Errorf("%d citations found, want at least %d", found, minCitations)
	}
}

// TestFalseCitationsAreNoticed reads comments with citations, and looks them up.
func TestFalseCitationsAreNoticed(t *testing.T) {
	library := library{istio: moduleDir(t, "istio.io/istio"), api: moduleDir(t, "istio.io/api"), defined: map[string]map[string]bool{}}
	tests := map[string]struct {
		comment string
		want    error
	}{
		"a function that the file defines": {
			comment: "Source: istio pilot/pkg/networking/core/cluster_tls.go, buildUpstreamTLSSettings.",
		},
		"a function that the file only calls": {
			comment: "It does so.\nSource: istio pilot/pkg/networking/core/cluster.go, buildUpstreamTLSSettings.", want: errUndefined,
		},
		"a second function that is in another file": {
			comment: "Source: istio pilot/pkg/networking/core/cluster_tls.go, buildUpstreamTLSSettings and mergeGateways.", want: errUndefined,
		},
		"a file that is not there":      {comment: "Source: istio pilot/pkg/networking/core/cluster_tsl.go, F.", want: fs.ErrNotExist},
		"a file that is not in the API": {comment: "Source: istio api networking/v1alpha3/nothing.proto, tls.", want: fs.ErrNotExist},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			texts := sourcesIn(tc.comment)
			if len(texts) != 1 {
				t.Fatalf("%d citations are found", len(texts))
			}
			var got error
			for _, place := range placesOf(texts[0]) {
				got = errors.Join(got, library.lookUp(place))
			}
			if !errors.Is(got, tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func moduleDir(t *testing.T, module string) string {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", module).Output() // #nosec G204 -- two constants
	if err != nil {
		t.Fatalf("finding module %s: %v", module, err)
	}
	return strings.TrimSpace(string(dir))
}

// citation is what a comment says of a source.
type citation struct {
	at   token.Position
	text string
}

// citationsBelow returns those of all Go files below the folder.
func citationsBelow(t *testing.T, root string) []citation {
	t.Helper()
	var all []citation
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains([]string{"bin", "node_modules", ".git"}, entry.Name()) {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, group := range file.Comments {
			for _, text := range sourcesIn(group.Text()) {
				all = append(all, citation{at: files.Position(group.Pos()), text: text})
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// sourceOf begins a citation.
var sourceOf = regexp.MustCompile(`(?m)^Source: istio `)

// sourcesIn returns the citations of a comment, each on one line and up to the end of its sentence.
func sourcesIn(comment string) []string {
	var all []string
	for _, at := range sourceOf.FindAllStringIndex(comment, -1) {
		text := strings.ReplaceAll(comment[at[1]:], "\n", " ")
		if end := regexp.MustCompile(`\.( |$)`).FindStringIndex(text); end != nil {
			text = text[:end[0]]
		}
		all = append(all, strings.TrimSpace(text))
	}
	return all
}

// place is a file, or a folder, of Istio with the names that it defines.
type place struct {
	api   bool
	path  string
	names []string
}

var (
	filePath = regexp.MustCompile(`^[\w./-]+`)
	nextName = regexp.MustCompile(`^(?:, and |, | and )([A-Za-z_]\w*(?:\.\w+)?)(?:$|[,:( ])`)
	prose    = regexp.MustCompile(`^(?:, and |, | and )\w+ (?:[^a(]|a[^n]|an[^d])`)
)

// placesOf takes a citation apart. A file without a folder is beside the one before.
func placesOf(text string) []place {
	text, api := strings.CutPrefix(text, "api ")
	var all []place
	for _, part := range strings.Split(text, ";") {
		part = strings.TrimSpace(part)
		p := place{api: api, path: filePath.FindString(part)}
		if len(all) > 0 && !strings.Contains(p.path, "/") {
			p.path = filepath.Join(filepath.Dir(all[len(all)-1].path), p.path)
		}
		rest := part[len(filePath.FindString(part)):]
		for filepath.Ext(p.path) == ".go" && !prose.MatchString(rest) {
			name := nextName.FindStringSubmatch(rest)
			if name == nil {
				break
			}
			p.names = append(p.names, name[1])
			rest = rest[strings.Index(rest, name[1])+len(name[1]):]
		}
		all = append(all, p)
	}
	return all
}

// library is the source of Istio.
type library struct {
	istio, api string
	defined    map[string]map[string]bool
}

var errUndefined = errors.New("does not define it")

// lookUp returns an error for a place that is not there or does not define what is named.
func (l library) lookUp(p place) error {
	path := filepath.Join(l.istio, p.path)
	if p.api {
		path = filepath.Join(l.api, p.path)
	}
	if _, err := os.Stat(path); err != nil {
		return err
	}
	if len(p.names) == 0 {
		return nil
	}
	if l.defined[path] == nil {
		defined, err := definedIn(path)
		if err != nil {
			return err
		}
		l.defined[path] = defined
	}
	for _, name := range p.names {
		if !l.defined[path][name] {
			return fmt.Errorf("%s: %s %w", name, p.path, errUndefined)
		}
	}
	return nil
}

// definedIn returns the names that a Go file defines: functions, types, constants and variables; methods with their type and without.
func definedIn(path string) (map[string]bool, error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, declaration := range file.Decls {
		switch typed := declaration.(type) {
		case *ast.FuncDecl:
			names[typed.Name.Name] = true
			if typed.Recv != nil {
				names[receiver(typed)+"."+typed.Name.Name] = true
			}
		case *ast.GenDecl:
			for _, spec := range typed.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					names[s.Name.Name] = true
				case *ast.ValueSpec:
					for _, name := range s.Names {
						names[name.Name] = true
					}
				}
			}
		}
	}
	return names, nil
}

func receiver(method *ast.FuncDecl) string {
	of := method.Recv.List[0].Type
	if pointer, ok := of.(*ast.StarExpr); ok {
		of = pointer.X
	}
	if name, ok := of.(*ast.Ident); ok {
		return name.Name
	}
	return ""
}

func TestPlacesOf(t *testing.T) {
	tests := map[string]struct {
		text string
		want []place
	}{
		"a function":               {"a/b.go, F", []place{{path: "a/b.go", names: []string{"F"}}}},
		"several":                  {"a/b.go, F, G and h", []place{{path: "a/b.go", names: []string{"F", "G", "h"}}}},
		"a method":                 {"a/b.go, T.M", []place{{path: "a/b.go", names: []string{"T.M"}}}},
		"two files":                {"a/b.go, F; c/d.go, G", []place{{path: "a/b.go", names: []string{"F"}}, {path: "c/d.go", names: []string{"G"}}}},
		"a file beside":            {"a/b.go, F; d.go, G", []place{{path: "a/b.go", names: []string{"F"}}, {path: "a/d.go", names: []string{"G"}}}},
		"what is said of it":       {"a/b.go, F: which is so", []place{{path: "a/b.go", names: []string{"F"}}}},
		"what is said, by comma":   {"a/b.go, F, which is asked for routers only", []place{{path: "a/b.go", names: []string{"F"}}}},
		"in parentheses":           {"a/b.go, F (of these) and G", []place{{path: "a/b.go", names: []string{"F"}}}},
		"a file of another kind":   {"a/b.yaml", []place{{path: "a/b.yaml"}}},
		"a folder, and what it is": {"a/b: the template", []place{{path: "a/b"}}},
		"the API":                  {"api a/b.proto, field", []place{{api: true, path: "a/b.proto"}}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := placesOf(tc.text); fmt.Sprint(got) != fmt.Sprint(tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}
