// Package translate turns a Snapshot into a Plan: whose pods a policy means,
// which of several policies decides an entry, what is folded into one object,
// what falls below a floor, and which workload port a Service port leads to.
//
// The way goes in one direction. The entries of the specs make claims; resolve
// decides what several of them claim; the decisions about one set of pods, or
// one host, are folded into a rule; a send rule is composed on the
// DestinationRule that it takes the place of; and last the other pods of the
// namespace get back what a rule for some takes from them.
//
// It does not say what the Istio objects look like (render), nor whether other
// people's objects let them work (lint), and it knows no cluster, clock or log.
// What it asks about the mesh it asks a mesh.View. The plan does not depend on
// the order of anything in the snapshot.
package translate
