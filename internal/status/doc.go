// Package status words what became of a policy: its conditions, and the rest of
// its status.
//
// It is one total function from an outcome. Ready is derived from the other
// conditions and never set. It does not write the status (controllers do), and
// it knows no clock: the transition times are the writer's.
package status
