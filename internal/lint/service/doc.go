// Package service holds the checks of Services and ServiceEntries: what their
// ports are declared to carry, and the pods behind them.
//
// It imports no package of another kind's checks: what two kinds need is a
// question for package mesh.
package service
