// Package credential holds the checks of credentials that the servers of Gateways and
// DestinationRules name: whether proxies get them, and what is in them.
//
// It imports no package of another kind's checks: what two kinds need is a
// question for package mesh.
package credential
