// Package metrics holds the operator's own metrics: how many policies are in
// which condition, what was found, what was written, how long a compile takes.
// docs/metrics.md says what each means.
//
// It decides nothing and reads nothing: the controllers tell it what came of a
// pass. A pass costs it the replacement of one entry of a map; the sums over all
// namespaces are made when somebody scrapes. No metric has a label with the name
// of a policy, a namespace or a host, so that their number stays as it is when
// the cluster grows.
package metrics
