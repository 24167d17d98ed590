// Package page has a browser change what a workload accepts, in the page of kubectl meshtls ui, on a real mesh: who would be refused is
// what a real Prometheus has seen of real calls (package metrics says what that shows), and the locks change because the calls do. It has
// tests only; what the browser does is in ui/tests/flow.js.
package page
