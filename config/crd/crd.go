// Package crd holds the CRD of MeshTLSPolicy, as it is installed, for programs
// that read policies which no API server has seen.
package crd

import _ "embed"

// MeshTLSPolicy is the CRD, as YAML.
//
//go:embed bases/security.meshtls.dev_meshtlspolicies.yaml
var MeshTLSPolicy []byte
