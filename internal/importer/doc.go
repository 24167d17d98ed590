// Package importer turns Istio's own objects into MeshTLSPolicies that have the
// same effect: PeerAuthentications, DestinationRules and Gateways that others
// wrote, of a whole mesh.
//
// It first proposes a policy for each object, or for several that Istio takes
// as one. Then it asks the model of Istio what every workload accepts, what
// every client sends and what every gateway serves, with the objects and with
// what the operator would render in their place, and takes back each proposal
// that makes a difference. So what is imported has the same effect by
// construction, as far as the model and the objects at hand go; an object that
// is not imported stays as it is, and the reason is said.
//
// What stays and what goes:
//   - A policy takes the place of the objects in its From: they are to be
//     deleted. Among them are those that Istio ignores beside the one that
//     counts: they would come into force once that is gone.
//   - A refused object stays. What is rendered is younger than all that stays,
//     and age is rank in Istio: that is part of the comparison.
//   - Where only some servers of a Gateway are imported, it stays with the others.
//   - What a DestinationRule says besides TLS stays in a DestinationRule, if
//     there is a place where the operator finds it and nobody else does.
//
// It reads no files and writes nothing; whether the API server would admit a
// policy is asked of the caller.
package importer
