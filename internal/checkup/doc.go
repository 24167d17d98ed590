// Package checkup says whether the operator is, or can be, at home in a cluster:
// what it needs is there, it runs, it leads, and what it wrote is what its
// policies ask for.
//
// It judges values that were read, and reads nothing itself; what could not be
// read is unknown, and never well. What policies and Istio's objects get wrong
// is not its subject: package lint says that.
package checkup
