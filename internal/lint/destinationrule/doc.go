// Package destinationrule holds the checks of DestinationRules: whether their TLS governs
// anybody, and what becomes of the calls that it governs.
//
// It imports no package of another kind's checks: what two kinds need is a
// question for package mesh.
package destinationrule
