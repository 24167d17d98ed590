// Package evidence lets Prometheus itself judge internal/evidence: its query engine evaluates the queries over written series, and
// its server, where it is installed, scrapes pages as proxies serve them.
//
// It is a module of its own because Prometheus' module is large and no user of meshtls should download it.
package evidence
