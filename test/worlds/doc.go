// Package worlds makes random namespaces, workloads, Services and policies from
// a seed, for fuzz tests, properties and benchmarks, and helps tests to gather
// worlds and to put them into another order.
//
// A seed gives the same world on every machine. The worlds are small and their
// names few, so that policies meet: on pods, on hosts, on gateway ports. Not
// every policy is one that the API server would admit; the caller filters.
package worlds
