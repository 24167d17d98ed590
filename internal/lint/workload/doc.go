// Package workload holds the checks of AuthorizationPolicies, by the pods that they
// are for: whether callers without an identity get past them.
//
// It imports no package of another kind's checks: what two kinds need is a
// question for package mesh.
package workload
