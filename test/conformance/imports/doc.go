// Package imports holds kubectl meshtls import to Istio: over the inputs of Istio's own analyzers and over its samples, what is
// imported has the same effect by the model; and over the worlds of the command's tests and random ones it has the same effect by
// Istio's own configuration generation: what every sidecar accepts and sends and what every gateway serves is asked before and after.
package imports
