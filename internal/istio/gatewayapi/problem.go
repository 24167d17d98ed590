package gatewayapi

import "github.com/meshtls/meshtls/internal/model"

// Reason is why Istio leaves something of a listener out.
type Reason string

const (
	// NotGranted: no ReferenceGrant lets the Gateway use the object of another namespace.
	NotGranted Reason = "NotGranted"
	// Conflicted: an earlier listener of the same Gateway has the port, or the hostname at it.
	Conflicted Reason = "Conflicted"
	// Unsupported: Istio does not do what is asked.
	Unsupported Reason = "Unsupported"
)

// Problem is something of a listener that Istio leaves out, mostly the listener itself.
type Problem struct {
	Reason Reason
	// Field is the path in the Kubernetes Gateway.
	Field string
	// Why and Remedy are full sentences.
	Why, Remedy string
	// Absent is the namespace's missing ReferenceGrant, with NotGranted.
	Absent model.ObjectRef
}

// unsupported notes what Istio does not do for the listener, at a path in it.
func (l *Listener) unsupported(path, why, remedy string) {
	l.Problems = append(l.Problems, Problem{Reason: Unsupported, Field: FieldOf(l.Index, path), Why: why, Remedy: remedy})
}
