// Package rollout decides how far a target has come on its way from Permissive to Strict.
//
// Next is a pure function: the rollout that was asked for, what is in force, the clocks of the last time, what was seen and the time
// go in; the stage, with new clocks and a message, comes out. It knows no cluster, no source of evidence and no clock of its own.
//
// What it never does: make what a target accepts weaker than it is in force. A target that is Strict when its rollout is first seen
// counts as completed, so a lost status, a restored backup or a new installation cannot downgrade it. The one exception is Undo:
// where the rollout asks for it, once, during the probation, and on the ground of a status that already says so.
package rollout
