// Package stages moves the rollouts of a namespace on: it tells internal/rollout what is in force and what was seen, and puts the stage
// that comes out into the status of the policy, from where the compile takes it.
//
// It is pure: a snapshot, the answers of a source of evidence and the time go in; the snapshot with the stages that hold now, what is to
// be asked next and when to come back go out. It asks nobody, writes nothing and remembers nothing: the clocks of a rollout are in its
// policy's status.
//
// A stage that differs from the one in the status by nothing but counts and the passing of time is left as it is there, so that nothing
// is written.
package stages
