// Package compile is the whole pure middle in one call: a Snapshot of a
// namespace in, what to write and what to say out.
//
// The controller, the goldens, the fuzz tests and the benchmarks all call it,
// so there is one order of the steps and one place that knows it. It decides
// nothing of its own.
package compile
