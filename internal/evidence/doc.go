// Package evidence finds out what connections really do: which calls of a workload are not mesh mutual TLS, so that Strict would
// refuse them, and which are.
//
// A Source answers from Istio's standard metrics: Prometheus, the proxies' own pages (Scraper), or recorded series (Recording).
// What it says of a target is Clean, Found or Unknown, never a number alone: an error, a gap or a proxy that does not report is
// Unknown with a sentence, and no source ever takes silence for proof.
//
// A call that is not mutual TLS is called that, and never plaintext: TLS of the application itself passes a Permissive port, and
// Strict refuses it. What a client's own proxy reports is never evidence, as Istio always says unknown there.
//
// The package reads and judges. It does not decide what follows for a policy (rollout), and writes nothing.
package evidence
