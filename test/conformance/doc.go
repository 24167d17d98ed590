// Package conformance holds the project to Istio's own code: what the operator renders is loaded into Istio's configuration
// generation, and what Istio makes of it is compared with what the policies ask.
//
//   - Scenarios (testdata/<area>/<sentence>.yaml) say, in one file each, a world with policies, what Istio does without the operator
//     where that is the point, and what it does with it.
//   - The intent property says it for random worlds: where a policy's status is Ready, Istio does what its spec asks. The
//     expectation is read from the specs by an interpreter of its own, never from the operator's plan.
//   - Validation: everything that is rendered passes Istio's validation and its analyzers.
//   - The live run does it once with a real control plane: API server, istiod and the operator.
//
// It is a module of its own: the main module must never require istio.io/istio.
package conformance
