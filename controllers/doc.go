// Package controllers is the shell around the compile: it notices what changes
// in the cluster, compiles the namespaces that are touched, and writes down what
// comes out: objects, status, events.
//
// One request is one namespace. All its policies are compiled together against
// one snapshot, and nothing of an earlier pass is remembered that a later one
// would need: the operator may be stopped at any moment.
//
// It decides nothing about TLS: Reconcile only names the steps. It reads from
// caches alone, and every kind that is read is watched. It never waits by
// sleeping or asking again: a failure is retried with a growing delay, and
// whatever must be done by somebody else comes back as an event.
//
// Safety: the caches show our own writes as soon as they are made
// (controller-runtime's read-your-writes consistency), so that no pass acts on
// what it has itself made out of date. Istio's kinds come and go with their
// CRDs; a kind that is missing is not read, and a policy that needs it is told.
package controllers
