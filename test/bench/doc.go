// Package bench measures the operator on a real control plane against what a
// program without any thought would need for the same.
//
// In one run, in turns: the operator, from the first policy to the last that is
// Ready; the same requests with the same bytes, sent raw; and as many requests
// for objects of a CRD without schema and rules. Both are sent as the operator's
// ServiceAccount. Only the ratios mean anything: the machine is shared with the
// control plane. Then the time from a change to the last object that is written
// for it, the writes of a restart, and the memory of the program itself.
//
// As part of all tests there are few policies, and what is checked is what does
// not depend on time. MESHTLS_BENCH, make bench-cluster, says how many there are,
// MESHTLS_BENCH_CRD another CRD to measure with, and MESHTLS_BENCH_HEAP where to
// write a heap profile of the program.
package bench
