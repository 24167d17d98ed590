// Package faults holds the tests of what the operator does when things go
// wrong around it: it is killed at each of its writes, requests fail, watches
// break, lag or are too old, the API server is away, or one of two is behind,
// two operators write, a webhook is down or slow, the clock jumps, objects cannot be decoded or are dressed up
// as the operator's own.
//
// Each run changes the policies of a namespace of its own from one set to
// another while a fault lasts, and asks three things. Is the namespace in the
// end as it is without faults? Was it, after each single write, never weaker
// than both sets ask for, and no server Strict before its clients? Did it end?
// The history is read from the API server, by resource version.
//
// Faults are chosen from a seed (MESHTLS_SEED). As part of all tests a sample is
// run; MESHTLS_FAULTS=all, make faults, runs all. The counts are printed.
package faults
