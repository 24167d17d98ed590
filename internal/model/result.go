package model

// Result is the outcome of a compile: what to write, and what to say about each policy before it is known how the writing went.
type Result struct {
	Namespace string
	Mesh      Mesh
	Objects   Objects
	// Policies has one entry for each policy of the snapshot, in order of precedence: oldest first, then by name.
	Policies []Outcome
}
