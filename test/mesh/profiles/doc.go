// Package profiles shows what the profiles of terminate mean to a client, by the handshakes of a real Envoy.
//
// Istio as its module has it does not read the curves of a Gateway yet, so Envoy is configured by the test: with what is rendered for the
// profile, field by field.
package profiles
