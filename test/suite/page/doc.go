// Package page has a browser see the page of kubectl meshtls ui on clusters that lack something, and on one that goes away and comes back.
// It has tests only; what the browser looks for is in ui/tests/cluster.js.
package page
