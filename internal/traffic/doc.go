// Package traffic brings evidence and configuration together: which pods and ports a target of evidence has, and why a client calls
// in another way than mutual TLS, as far as the mesh's objects tell.
//
// It is pure: pods and the view of the mesh go in, targets and sentences come out. It asks no source of evidence (evidence), and
// decides nothing about a rollout (rollout).
package traffic
