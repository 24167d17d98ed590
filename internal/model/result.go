package model

// Result is the outcome of a compile: what to write, and what to say about each policy before it is known how the writing went.
type Result struct {
	Namespace string
	Mesh      Mesh
	Objects   Objects
	// Policies has one entry for each policy of the snapshot, in order of precedence: oldest first, then by name.
	Policies []Outcome
}

// Review is what there is to say about a whole mesh.
type Review struct {
	// Results are the compiles of the namespaces that have policies; what is found in their objects is in their outcomes.
	Results []Result
	// Findings are about all objects that no policy renders, ordered by object and check.
	Findings []Finding
}
