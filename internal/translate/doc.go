// Package translate turns a Snapshot into a Plan: whose pods a policy means,
// which of several policies decides an entry, what is folded into one object,
// what falls below a floor, and which workload port a Service port leads to.
//
// It does not say what the Istio objects look like (render), nor whether other
// people's objects let them work (check), and it knows no cluster, clock or log.
// The plan does not depend on the order of anything in the snapshot.
package translate
