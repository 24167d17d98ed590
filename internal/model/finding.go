package model

import (
	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// FieldRef is a field of an object.
type FieldRef struct {
	Object ObjectRef
	Field  string
}

// Finding is something worth telling the user, as data.
type Finding struct {
	// Check is the kebab-case name of what found it.
	Check    string
	Severity meshtlsv1alpha1.Severity
	// Subject is the object that the finding is about: a policy, or an object of Istio or Kubernetes.
	Subject ObjectRef
	// Related is the other object that takes part; zero: none does.
	Related ObjectRef
	// Field is the path in the subject, such as spec.accept.ports[1].
	Field string
	// Message says what is the case and Remedy what to do about it, each as a full sentence.
	Message string
	Remedy  string
	// Condition is the type of the condition that the finding makes False, and Reason its reason; empty: none. A finding about
	// an entry that the plan does not hold names Accepted: status lowers that condition where nothing of the policy stands, and
	// else Effective, with the reason PartlyConflicted.
	Condition string
	Reason    string
	// Absent is what the finding says does not exist; zero: it is about something that does. Without a name it stands for any object of
	// the kind in the namespace, and a pod without a namespace for a gateway. Where only files are known, it may be elsewhere (Files.Soften).
	Absent ObjectRef
}
