package docs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/yaml"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/compile"
	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/status"
	"github.com/meshtls/meshtls/test/manifests"
)

// root is the repository's folder.
var root = filepath.Join("..", "..")

// pages are README.md and all pages of docs, by their paths in the repository.
func pages(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, folder := range []string{"README.md", "CHANGELOG.md", "docs", filepath.Join("charts", "meshtls", "README.md")} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Ext(path) != ".md" {
				return err
			}
			text, err := os.ReadFile(path)
			found[path] = string(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// blocks returns the YAML blocks of a page, by their documents.
func blocks(page string) []string {
	var documents []string
	for _, block := range strings.Split(page, "```yaml\n")[1:] {
		block, _, _ = strings.Cut(block, "\n```")
		documents = append(documents, strings.Split(block, "\n---\n")...)
	}
	return documents
}

func TestYAMLCanBeRead(t *testing.T) {
	t.Parallel()
	blocksRead := 0
	for path, page := range pages(t) {
		for _, document := range blocks(page) {
			blocksRead++
			var content any
			// An ellipsis stands for what is left out.
			if err := yaml.UnmarshalStrict([]byte(strings.ReplaceAll(document, "…", "ellipsis")), &content); err != nil {
				t.Errorf("%s: %v in:\n%s", path, err, document)
			}
			if isWhole(content) && !strings.Contains(document, "…") {
				manifests.Read(t, time.Unix(0, 0), document)
			}
		}
	}
	if blocksRead < 30 {
		t.Errorf("got %d blocks, want those of all pages", blocksRead)
	}
}

// isWhole asks whether a document is an object of a kind that the plugin reads, and not a part of one or of something else.
func isWhole(content any) bool {
	object, _ := content.(map[string]any)
	version, _ := object["apiVersion"].(string)
	group, _, _ := strings.Cut(version, "/")
	_, hasName := object["metadata"]
	return hasName && (group == "security.meshtls.dev" || strings.HasSuffix(group, ".istio.io") || group == "v1" || group == "apps")
}

func TestPoliciesOfTasksAreReady(t *testing.T) {
	t.Parallel()
	policies := 0
	for path, page := range pages(t) {
		if !strings.Contains(path, filepath.Join("docs", "tasks")) {
			continue
		}
		var world []string
		for _, document := range blocks(page) {
			if strings.Contains(document, "apiVersion:") {
				world = append(world, document)
			}
		}
		if len(world) == 0 {
			continue
		}
		snapshots, err := gather.Snapshots(t.Context(), manifests.Read(t, time.Unix(0, 0), strings.Join(world, "\n---\n")).Reader, gather.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, snapshot := range snapshots {
			for _, outcome := range compile.Compile(snapshot).Policies {
				policies++
				conditions := status.Of(outcome, snapshot.Inventory.Mesh, nil).Conditions
				if !apimeta.IsStatusConditionTrue(conditions, meshtlsv1alpha1.ConditionReady) {
					t.Errorf("%s: %s is not Ready: %+v", path, outcome.Policy, conditions)
				}
			}
		}
	}
	if policies < 4 {
		t.Errorf("got %d policies, want those of all task pages", policies)
	}
}

var (
	code   = regexp.MustCompile("(?s)```.*?```|`[^`\n]*`")
	links  = regexp.MustCompile(`\]\(([^)\s\[*]+)\)`)
	titles = regexp.MustCompile("(?m)^#+ (.+)$")
	// dropped is what code hosts leave out of a title when they make an anchor of it.
	dropped = regexp.MustCompile(`[^\p{L}\p{N}\p{Pc} -]`)
)

func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	for path, page := range pages(t) {
		for _, link := range links.FindAllStringSubmatch(code.ReplaceAllString(page, ""), -1) {
			target, anchor, _ := strings.Cut(link[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			file := path
			if target != "" {
				file = filepath.Join(filepath.Dir(path), target)
			}
			if err := leads(file, anchor); err != nil {
				t.Errorf("%s: %s: %v", path, link[1], err)
			}
		}
	}
}

var errNoAnchor = errors.New("the page has no such section")

// leads asks whether a file is there, and has the section.
func leads(file, anchor string) error {
	info, err := os.Stat(file)
	if err != nil || info.IsDir() || anchor == "" {
		return err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if strings.Contains(string(text), `<a id="`+anchor+`">`) {
		return nil
	}
	for _, title := range titles.FindAllStringSubmatch(string(text), -1) {
		if anchorOf(title[1]) == anchor {
			return nil
		}
	}
	return errNoAnchor
}

func anchorOf(title string) string {
	return strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(title), ""), " ", "-")
}
