// Command helm renders a chart with Helm's own engine, as helm template does with the CRDs: without Helm's clients of registries and
// clusters, which take a minute to build and are not needed here.
//
// Usage: helm CHART NAMESPACE [KEY=VALUE …], with the keys of helm's --set.
package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/strvals"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: helm CHART NAMESPACE [KEY=VALUE …]")
		os.Exit(2)
	}
	manifests, err := render(os.Args[1], os.Args[2], os.Args[3:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(manifests)
}

// render returns the CRDs and the rendered templates of a chart as one stream.
func render(path, namespace string, settings []string) (string, error) {
	loaded, err := loader.Load(path)
	if err != nil {
		return "", fmt.Errorf("loading the chart %s: %w", path, err)
	}
	values, err := strvals.Parse(strings.Join(settings, ","))
	if err != nil {
		return "", fmt.Errorf("reading the values: %w", err)
	}
	release := chartutil.ReleaseOptions{Name: "meshtls", Namespace: namespace, IsInstall: true}
	complete, err := chartutil.ToRenderValues(loaded, values, release, nil)
	if err != nil {
		return "", fmt.Errorf("completing the values: %w", err)
	}
	rendered, err := engine.Render(loaded, complete)
	if err != nil {
		return "", fmt.Errorf("rendering the chart %s: %w", path, err)
	}
	return stream(loaded.CRDObjects(), rendered), nil
}

// stream joins the documents, in the order of their files.
func stream(crds []chart.CRD, rendered map[string]string) string {
	var joined strings.Builder
	for _, crd := range crds {
		fmt.Fprintf(&joined, "---\n%s\n", crd.File.Data)
	}
	for _, name := range slices.Sorted(maps.Keys(rendered)) {
		if strings.HasSuffix(name, ".yaml") {
			fmt.Fprintf(&joined, "---\n%s\n", rendered[name])
		}
	}
	return joined.String()
}
