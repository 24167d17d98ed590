// Command manifests prints what Istio's own charts install, as a YAML stream.
//
// usage: manifests FILE..., each with an IstioOperator of istioctl manifest generate -f.
package main

import (
	"fmt"
	"os"

	"istio.io/istio/operator/pkg/render"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "manifests:", err)
		os.Exit(1)
	}
}

// run renders the charts that ship inside Istio's module.
func run(files []string) error {
	sets, _, err := render.GenerateManifest(files, nil, false, nil, nil)
	if err != nil {
		return err
	}
	for _, set := range sets {
		for _, object := range set.Manifests {
			fmt.Printf("---\n%s\n", object.Content)
		}
	}
	return nil
}
