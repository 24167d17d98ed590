package model

import (
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
)

// Verb is what was done to an object.
type Verb string

// What apply does to an object.
const (
	Created Verb = "Created"
	Updated Verb = "Updated"
	Pruned  Verb = "Pruned"
	// DriftCorrected: somebody else had changed the object; it was put back.
	DriftCorrected Verb = "DriftCorrected"
)

// Change is one write.
type Change struct {
	Verb   Verb
	Object ObjectRef
}

// ChangeSet is what one apply did and could not do. The zero value means: everything was already as planned.
type ChangeSet struct {
	Changes []Change
	// Failures are the objects that are not as planned, and why.
	Failures []Failure
	// Unsettled are the policies with an object that proxies may not have as planned yet: it was written a moment ago, or its write waits.
	Unsettled sets.Set[types.UID]
}

// Failure is an object that could not be made as planned.
type Failure struct {
	Object ObjectRef
	// Reason is a reason of Programmed=False.
	Reason string
	Err    error
}
