// Package screens is what the page of kubectl meshtls ui shows, as values: the
// lists and the map of a mesh, a workload with its callers and ports, the
// matrix of clients and servers, and the preview of a change.
//
// It puts together what other packages answer: explain what is taken and why,
// mesh what becomes of a call, evidence which calls there were, compile what a
// policy comes to. It decides nothing of TLS itself, reads nothing and writes
// nothing; package ui serves what it returns.
package screens
