package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Severity says how much a finding matters.
//
// +kubebuilder:validation:Enum=Error;Warning;Info
type Severity string

const (
	// SeverityError: something the policy asks for does not happen. An error lowers a condition.
	SeverityError Severity = "Error"
	// SeverityWarning: it happens, but probably not as meant.
	SeverityWarning Severity = "Warning"
	// SeverityInfo: worth knowing.
	SeverityInfo Severity = "Info"
)

// MeshTLSPolicyStatus is what the operator found and did.
type MeshTLSPolicyStatus struct {
	// observedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// target is whose TLS the policy governs, in words: "workload app=payments", "service payments", "namespace shop", "mesh".
	// +optional
	// +kubebuilder:validation:MaxLength=8192
	Target string `json:"target,omitempty"`
	// accepts is what the target accepts, in words: "Strict, 8081 Permissive". A long list ends with the number of what it leaves out.
	// +optional
	// +kubebuilder:validation:MaxLength=32768
	Accepts string `json:"accepts,omitempty"`
	// sends is what the target sends, in words: "api.partner.example Mutual". A long list ends with the number of what it leaves out.
	// +optional
	// +kubebuilder:validation:MaxLength=32768
	Sends string `json:"sends,omitempty"`
	// serves is what the gateway serves, port by port, in words: "80 redirect; 443 HTTPS Simple shop.example.com". A long list ends with the
	// number of what it leaves out.
	// +optional
	// +kubebuilder:validation:MaxLength=32768
	Serves string `json:"serves,omitempty"`
	// renders is what is written for the policy, in words: "PeerAuthentication meshtls-payments-5cxxnkhjpvcnvdch, 2 DestinationRules".
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Renders string `json:"renders,omitempty"`
	// acceptPorts are the modes of single ports, with the Service ports that lead to them; at most 256.
	// +optional
	// +listType=map
	// +listMapKey=port
	// +kubebuilder:validation:MaxItems=256
	AcceptPorts []AcceptPortStatus `json:"acceptPorts,omitempty"`
	// acceptPortsOmitted is the number of ports that acceptPorts has no room for.
	// +optional
	AcceptPortsOmitted int32 `json:"acceptPortsOmitted,omitempty"`
	// objects are the Istio objects, in the policy's namespace, that the policy contributes to; at most 8192.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=8192
	Objects []ObjectReference `json:"objects,omitempty"`
	// objectsOmitted is the number of objects that objects has no room for; renders counts all of them.
	// +optional
	ObjectsOmitted int32 `json:"objectsOmitted,omitempty"`
	// findings are what the operator has to say about the policy, errors first; at most 32.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Findings []Finding `json:"findings,omitempty"`
	// findingsCount is the number of all findings, also of those that findings has no room for.
	// +optional
	FindingsCount int32 `json:"findingsCount,omitempty"`
	// findingsSummary counts all findings by their severity, in words: "2 errors, 1 warning".
	// +optional
	// +kubebuilder:validation:MaxLength=128
	FindingsSummary string `json:"findingsSummary,omitempty"`
	// rollout is how far spec.accept.rollout has come; only while the spec has one.
	// +optional
	Rollout *RolloutStatus `json:"rollout,omitempty"`
	// conditions are Ready, and what it is derived from: Accepted, ResolvedRefs, Programmed, Effective; RolledOut, only while the spec has
	// a rollout; and, only while they are true, Reconciling and Stalled.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// AcceptPortStatus is the mode of one port of the target.
type AcceptPortStatus struct {
	// port is the workload's port number.
	// +required
	Port int32 `json:"port"`
	// servicePorts are the Service ports that lead to the port, as service:port; at most 64, of which the last may be a count of more.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=127
	ServicePorts []string `json:"servicePorts,omitempty"`
	// mode is what the port accepts.
	// +required
	Mode AcceptMode `json:"mode"`
	// origin is the field that the mode comes from, with its policy where that is another one.
	// +required
	// +kubebuilder:validation:MaxLength=1024
	Origin string `json:"origin"`
}

// ObjectReference names an object in the policy's namespace.
type ObjectReference struct {
	// kind is PeerAuthentication, DestinationRule or Gateway.
	// +required
	// +kubebuilder:validation:MaxLength=63
	Kind string `json:"kind"`
	// name is the object's name.
	// +required
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// Finding is something that the operator has to say about a policy.
type Finding struct {
	// check is the name of the check that found it, as listed in docs/findings.md.
	// +required
	// +kubebuilder:validation:MaxLength=63
	Check string `json:"check"`
	// severity is Error, Warning or Info.
	// +required
	Severity Severity `json:"severity"`
	// field is the field of the policy's spec that it is about.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Field string `json:"field,omitempty"`
	// message says what was found and what to do about it.
	// +required
	// +kubebuilder:validation:MaxLength=32768
	Message string `json:"message"`
}
