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
type Accept struct {
	// mode is what the workloads accept. Strict: mutual TLS only. Permissive: mutual TLS and plaintext. Disable: plaintext
	// only. Inherit: what the namespace's, then the mesh's policy says; with none, Istio's default, Permissive.
	// +optional
	// +kubebuilder:default=Inherit
	Mode AcceptMode `json:"mode,omitempty"`
	// ports are exceptions for single ports. They need a workload target: Istio has port modes only per workload
	// (portLevelMtls of a PeerAuthentication with a selector).
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Ports []AcceptPort `json:"ports,omitempty"`
	// floor is the weakest mode that policies below this one may declare. It binds the policy's namespace, or the whole mesh
	// where the policy lives in Istio's root namespace. A weaker entry is not rendered, and its policy is told (reason BelowFloor).
	// It needs a policy without workload and gateway. Unset: any mode may be declared.
	// +optional
	Floor AcceptFloor `json:"floor,omitempty"`
}

// AcceptPort is the mode of one port. The port is named in exactly one of two ways.
//
// +kubebuilder:validation:XValidation:rule="has(self.port) != has(self.servicePort)",message="name the port either by port (the workload's own) or by servicePort"
type AcceptPort struct {
	// port is a port of the workload: the number that the container listens on, not the Service's.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port *int32 `json:"port,omitempty"`
	// servicePort is a port of the Service in front of the workload, by name or by number. It is translated to the workload's
	// port through the Service's targetPort; status.acceptPorts shows the translation.
	// +optional
	// +kubebuilder:validation:XIntOrString
	ServicePort *intstr.IntOrString `json:"servicePort,omitempty"`
	// mode is what the port accepts. Inherit: what the workload's mode says.
	// +required
	Mode AcceptMode `json:"mode"`
}
