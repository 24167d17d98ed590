// Package gateway holds the checks of Gateways: their servers, the routes behind
// these, and their TLS parameters.
//
// It imports no package of another kind's checks: what two kinds need is a
// question for package mesh.
package gateway
