// Package policies judges MeshTLSPolicies by packets, on a mesh with the operator in it. It has tests only.
//
// Each row of the table is a world with policies in force, and calls in it. It is judged three ways: packets do what the policies
// ask, the policies' Ready says so, and kubectl meshtls explain foresees what becomes of each call. The rows have the names of what
// Istio's page on TLS configuration tells of, and of what a mesh manager's page lets one choose.
//
// With -short only the rows run that stand for the others.
package policies
