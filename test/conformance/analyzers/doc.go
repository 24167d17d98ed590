// Package analyzers holds kubectl meshtls lint to Istio's own analyzers, over the inputs that Istio tests them with: where both have
// something to say about TLS they say it of the same objects, or the difference is written down here with its reason. Over Istio's
// samples lint raises no error.
package analyzers
