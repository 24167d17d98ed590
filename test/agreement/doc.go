// Package agreement holds the parts of the product to one answer about a mesh.
//
// It reads a world as files, lets the operator come to rest in it, and asks
// everybody: the status that the operator would write, lint, and explain. Then it
// compares. What explain calls broken has a finding (Untold). Where a policy is
// Ready, calls end as it asks (Broken) and no check of Istio's objects finds an
// error in what is written for it (Accused). The status, once from what the
// operator gathers for a namespace and once from the whole mesh, is the same
// (Contradicted).
//
// It decides nothing itself. Whether Istio does as explain says is judged in
// test/conformance.
package agreement
