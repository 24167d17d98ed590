// Package ui serves the page of kubectl meshtls ui on the loopback address: its
// files, which are embedded, and the JSON that package screens makes.
//
// The browser never talks to the API server; this package asks on its behalf,
// with the rights of the user who ran the command. So nobody else may ask it:
// every request must name the exact host that is served, one of another origin
// is refused, and everything but the files needs a token, which the page gets
// for a code that is used once (guard.go, session.go). The page may load and
// run nothing but the files of this package (Content-Security-Policy).
//
// It reads through a Source and a Traffic, and writes through an Applier, only
// MeshTLSPolicies, and only where the command was told to.
package ui
