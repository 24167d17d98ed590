package model

import (
	"k8s.io/apimachinery/pkg/types"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// Finding is something worth telling the user, as data.
type Finding struct {
	// Check is the kebab-case name of what found it.
	Check    string
	Severity meshtlsv1alpha1.Severity
	// Policy is the policy that is told; empty for a finding about plain Istio objects.
	Policy types.NamespacedName
	// Object is the other object it is about; empty: none.
	Object ObjectRef
	// Field is the path in the policy's spec, such as spec.accept.ports[1].
	Field string
	// Message says what is the case and Remedy what to do about it, each as a full sentence.
	Message string
	Remedy  string
	// Condition is the type of the condition that the finding makes False, and Reason its reason; empty: none. A finding about
	// an entry that the plan does not hold names Accepted: status lowers that condition where nothing of the policy stands, and
	// else Effective, with the reason PartlyConflicted.
	Condition string
	Reason    string
}

// ObjectRef names an object of the cluster.
type ObjectRef struct {
	Kind      string
	Namespace string
	Name      string
}

// String is kind namespace/name, and kind name for what is in no namespace.
func (r ObjectRef) String() string {
	if r.Namespace == "" {
		return r.Kind + " " + r.Name
	}
	return r.Kind + " " + r.Namespace + "/" + r.Name
}
