// Package page has a browser see the page of kubectl meshtls ui on a cluster that lacks Istio's kinds, then ours, then nothing. It has
// tests only; what the browser looks for is in ui/tests/cluster.js.
package page
