// Package pods answers which pods a label selector selects, without looking at
// every pod for every selector.
//
// It knows equality of labels only, as Istio's workload selectors do, and
// nothing of namespaces: the caller indexes the pods it means.
package pods
