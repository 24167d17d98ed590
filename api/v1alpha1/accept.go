package v1alpha1

import "k8s.io/apimachinery/pkg/util/intstr"

// AcceptMode is what a workload accepts from its clients.
//
// +kubebuilder:validation:Enum=Strict;Permissive;Disable;Inherit
type AcceptMode string

const (
	// AcceptStrict: mutual TLS only. Istio's STRICT.
	AcceptStrict AcceptMode = "Strict"
	// AcceptPermissive: mutual TLS and plaintext. Istio's PERMISSIVE.
	AcceptPermissive AcceptMode = "Permissive"
	// AcceptDisable: plaintext only. Istio's DISABLE.
	AcceptDisable AcceptMode = "Disable"
	// AcceptInherit: what the next wider scope says: a port takes its workload's mode, a workload its namespace's, a namespace
	// the mesh's. Istio's UNSET.
	AcceptInherit AcceptMode = "Inherit"
)

// AcceptFloor is the weakest mode that narrower policies may declare.
//
// +kubebuilder:validation:Enum=Strict;Permissive
type AcceptFloor string

const (
	// FloorStrict: nothing weaker than Strict may be declared below.
	FloorStrict AcceptFloor = "Strict"
	// FloorPermissive: Disable may not be declared below.
	FloorPermissive AcceptFloor = "Permissive"
)

// Accept is what the target's workloads accept from their clients.
//
// The rules compare a servicePort by "in" a list of one, since the API server's cost estimate takes what == compares to be as
// long as a request.
//
// +kubebuilder:validation:XValidation:rule="!has(self.floorExceptions) || has(self.floor)",fieldPath=".floorExceptions",reason=FieldValueForbidden,message="accept.floorExceptions needs accept.floor: without a floor there is nothing to except from"
// +kubebuilder:validation:XValidation:rule="!has(self.rollout) || self.mode == 'Strict'",fieldPath=".rollout",reason=FieldValueForbidden,message="accept.rollout needs accept.mode Strict: a rollout is the way to Strict; set mode to Strict, or remove rollout"
type Accept struct {
	// mode is what the workloads accept (mtls.mode of a PeerAuthentication). Strict: mutual TLS only. Permissive: mutual TLS and
	// plaintext. Disable: plaintext only. Inherit (the default): what the namespace's, then the mesh's policy says; with none,
	// Istio's default, Permissive. Inherit alone renders nothing: the policy then only says so.
	// +optional
	// +kubebuilder:default=Inherit
	Mode AcceptMode `json:"mode,omitempty"`
	// ports are exceptions for single ports. They need a workload target: Istio has port modes only per workload
	// (portLevelMtls of a PeerAuthentication with a selector). A port stands in one entry only. Omitted: every port has the
	// workload's mode. At most 64.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:XValidation:rule="self.size() == 1 || self.all(p, !has(p.port) || self.exists_one(q, has(q.port) && q.port == p.port))",message="two entries of accept.ports name one port: keep one of them"
	// +kubebuilder:validation:XValidation:rule="self.size() == 1 || self.all(p, !has(p.servicePort) || self.exists_one(q, has(q.servicePort) && q.servicePort in [p.servicePort]))",message="two entries of accept.ports name one servicePort: keep one of them"
	Ports []AcceptPort `json:"ports,omitempty"`
	// floor is the weakest mode that policies below this one may declare. It binds the policy's namespace, or the whole mesh
	// where the policy lives in Istio's root namespace. A weaker entry is not rendered, and its policy is told (reason BelowFloor).
	// It needs a policy without workload and gateway. Unset: any mode may be declared. Istio has no counterpart: the operator
	// enforces it, and PeerAuthentications that others write are not bound by it.
	// +optional
	Floor AcceptFloor `json:"floor,omitempty"`
	// floorExceptions name the policies that may declare a weaker mode than the floor, for a time and with a reason. They need floor,
	// and except from this policy's floor alone. After its last day an exception holds no more: the weaker entry is not rendered
	// (reason BelowFloor). Omitted: the floor has no exceptions. At most 64.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	FloorExceptions []FloorException `json:"floorExceptions,omitempty"`
	// rollout makes the target Strict step by step, once nothing is called any more in a way that Strict refuses; until then it accepts
	// Permissive. It needs mode Strict, which is its end. A target that is Strict already stays so. Ports with an entry in ports are left
	// alone. Omitted: the target is Strict at once.
	// +optional
	Rollout *Rollout `json:"rollout,omitempty"`
}

// FloorException lets a policy declare a weaker mode than the floor, until a day.
type FloorException struct {
	// policy is the name of the MeshTLSPolicy that may declare a weaker mode. 1 to 253 characters.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Policy string `json:"policy"`
	// namespace is that of the policy, for a floor of the mesh. Omitted: the namespace of the floor's policy.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`
	// ports limit the exception to entries of accept.ports for these ports of the workload: the numbers that the container listens on.
	// Omitted: the policy's mode and all its ports. At most 64.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:Minimum=1
	// +kubebuilder:validation:items:Maximum=65535
	Ports []int32 `json:"ports,omitempty"`
	// until is the last day of the exception, as in "2027-03-01". The day ends at midnight UTC.
	// +required
	// +kubebuilder:validation:Format=date
	// +kubebuilder:validation:MaxLength=10
	Until string `json:"until"`
	// reason says why, for those who read it later. 1 to 1024 characters.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Reason string `json:"reason"`
}

// AcceptPort is the mode of one port. The port is named in exactly one of two ways.
//
// +kubebuilder:validation:XValidation:rule="has(self.port) != has(self.servicePort)",reason=FieldValueRequired,message="name the port either by port (the workload's own number) or by servicePort (the Service's): exactly one of the two"
type AcceptPort struct {
	// port is a port of the workload: the number that the container listens on, not the Service's. 1 to 65535. Exclusive with
	// servicePort.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port *int32 `json:"port,omitempty"`
	// servicePort is a port of the Service in front of the workload: its number (1 to 65535), or its name (a lower-case DNS label
	// of at most 63 characters with at least one letter, so that a number in quotes is told from a name). It is translated to the
	// workload's port through the Service's targetPort; status.acceptPorts shows the translation. Exclusive with port.
	// +optional
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^([0-9][-0-9]*)?[a-z]([-a-z0-9]*[a-z0-9])?$`
	// +kubebuilder:validation:XValidation:rule="!(type(self) in [int]) || (int(self) >= 1 && int(self) <= 65535)",message="servicePort is a number from 1 to 65535, or the name of a Service port"
	ServicePort *intstr.IntOrString `json:"servicePort,omitempty"`
	// mode is what the port accepts (portLevelMtls of a PeerAuthentication). Strict: mutual TLS only. Permissive: mutual TLS and
	// plaintext. Disable: plaintext only. Inherit: what the workload's mode says.
	// +required
	Mode AcceptMode `json:"mode"`
}
