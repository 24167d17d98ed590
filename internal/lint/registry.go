package lint

import (
	"slices"

	"github.com/meshtls/meshtls/internal/model"
)

// Check is one question about a mesh.
type Check struct {
	// Name is kebab-case and says the fault. Users mute by it.
	Name string
	// Reads are the kinds whose objects the answer depends on: without all others it is the same.
	Reads []string
	// Ours says that the check judges the objects that the operator writes too. Of the other checks' faults, package check tells
	// the policies in words of their own.
	Ours bool
	// Condition is what an error lowers on the policies behind an object that the operator writes, and Reason its reason. Empty:
	// Effective, and Inert.
	Condition, Reason string
	find              func(v *view) []model.Finding
}

// All are the checks, by what they are about and then by name.
func All() []Check {
	return slices.Concat(
		peerAuthenticationChecks,
		destinationRuleChecks,
		gatewayChecks,
		routeChecks,
		credentialChecks,
		workloadChecks,
	)
}
