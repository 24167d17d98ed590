package folder

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// local is a file system in which kustomizations name nothing that is elsewhere: reading one leaves out what kustomize would fetch, or
// run a program for, and notes it.
type local struct {
	filesys.FileSystem
	remote, inflated []string
}

func newLocal(disk filesys.FileSystem) *local { return &local{FileSystem: disk} }

// ReadFile reads a file; of a kustomization it returns what can be built here.
func (l *local) ReadFile(path string) ([]byte, error) {
	content, err := l.FileSystem.ReadFile(path)
	if err != nil || !isKustomization(path) {
		return content, err
	}
	var fields map[string]any
	if yaml.Unmarshal(content, &fields) != nil || fields == nil {
		return content, nil // kustomize says what is wrong
	}
	l.restrict(fields, filepath.Dir(path))
	return yaml.Marshal(fields)
}

// restrict takes out what is elsewhere, and asks kustomize to note where objects come from.
func (l *local) restrict(fields map[string]any, directory string) {
	for name, value := range fields {
		if list, is := value.([]any); is {
			fields[name] = slices.DeleteFunc(list, func(entry any) bool { return l.isElsewhere(entry, directory) })
		}
	}
	for _, name := range []string{"helmCharts", "helmChartInflationGenerator"} {
		charts, _ := fields[name].([]any)
		for _, chart := range charts {
			l.inflated = append(l.inflated, chartName(chart))
		}
		delete(fields, name)
	}
	if openAPI, is := fields["openapi"].(map[string]any); is && l.isElsewhere(openAPI, directory) {
		delete(fields, "openapi")
	}
	fields["buildMetadata"] = []any{types.OriginAnnotations}
}

// isElsewhere reports whether the entry of a list, or the file that it names, is to be fetched, and notes it.
func (l *local) isElsewhere(entry any, directory string) bool {
	if fields, is := entry.(map[string]any); is {
		entry = fields["path"]
	}
	path, is := entry.(string)
	if !is || !looksRemote(path) || l.Exists(filepath.Join(directory, path)) {
		return false
	}
	l.remote = append(l.remote, path)
	return true
}

// remotes are the ways in which kustomize writes what it fetches: with a scheme, as git's ssh address, or beginning with a host.
var remotes = regexp.MustCompile(`^(\w+::)?(\w+://|git@|[\w-]+(\.[\w-]+)*\.[a-z]{2,}[/:])`)

// looksRemote reports whether the path is written like one that kustomize fetches. A patch that is written out has several lines.
func looksRemote(path string) bool {
	return !strings.Contains(path, "\n") && (remotes.MatchString(path) || strings.Contains(path, "?ref=") || strings.Contains(path, ".git/"))
}

// chartName returns what the entry calls the chart.
func chartName(entry any) string {
	fields, _ := entry.(map[string]any)
	for _, key := range []string{"name", "chartName"} {
		if name, is := fields[key].(string); is {
			return name
		}
	}
	return "a chart without a name"
}
