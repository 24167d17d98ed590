// Package runs keeps the record of what was run against which Istio and Kubernetes: internal/versions/runs.json, from which
// docs/versions.md is made, and the versions that count as tested. Tests write what they were when they have passed, where the
// environment says MESHTLS_RECORD=1.
package runs
