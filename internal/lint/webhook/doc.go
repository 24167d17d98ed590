// Package webhook holds the checks of webhooks that the API server calls.
//
// It imports no package of another kind's checks: what two kinds need is a
// question for package mesh.
package webhook
