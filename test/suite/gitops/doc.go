// Package gitops holds the tests of what GitOps tools make of the operator: the
// health that Argo CD computes with the scripts of config/argocd, and the status
// that kstatus, the library of Flux, Helm and kpt, computes.
//
// The policies that they are asked about are not made up: they are compiled from
// the worlds of the golden pairs, as they are and with each failure that writing
// can have.
package gitops
