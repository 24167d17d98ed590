// Package crd holds the CRD of MeshTLSPolicy, as it is installed, and those of
// Istio, for programs that read objects which no API server has seen.
package crd

import (
	"embed"
	"io/fs"
	"strings"
)

// MeshTLSPolicy is the CRD, as YAML.
//
//go:embed bases/security.meshtls.dev_meshtlspolicies.yaml
var MeshTLSPolicy []byte

// Istio holds Istio's CRDs as JSON, a file for each, without descriptions. The schema stands with the first version alone: the others have
// the same. Source: module istio.io/api, kubernetes/customresourcedefinitions.gen.yaml, copied by copyistio.
var Istio = func() fs.FS {
	folder, err := fs.Sub(istio, "istio")
	if err != nil {
		panic(err) // the name is a valid one
	}
	return folder
}()

//go:embed istio/*.json
var istio embed.FS

// IstioFile returns the name of the file that Istio has for the CRD of a kind.
func IstioFile(group, kind string) string { return group + "_" + strings.ToLower(kind) + ".json" }
