package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// MeshTLSPolicy states what TLS a workload or a gateway accepts, sends,
// terminates or passes through. The operator compiles it into Istio
// PeerAuthentication, DestinationRule and Gateway objects of the policy's own
// namespace, and says in status whether Istio will do what the policy asks.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=mtp,categories=meshtls
// +kubebuilder:printcolumn:name="Target",type=string,JSONPath=`.status.target`
// +kubebuilder:printcolumn:name="Accepts",type=string,JSONPath=`.status.accepts`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Sends",type=string,priority=1,JSONPath=`.status.sends`
// +kubebuilder:printcolumn:name="Objects",type=string,priority=1,JSONPath=`.status.objects[*].name`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type MeshTLSPolicy struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the object's standard metadata. The label istio.io/rev is copied to every object rendered from the policy,
	// so that the control plane of that revision, and no other, reads them.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the TLS that is asked for.
	// +required
	Spec MeshTLSPolicySpec `json:"spec"`
	// status is what the operator found and did. It is written by the operator alone.
	// +optional
	Status MeshTLSPolicyStatus `json:"status,omitempty"`
}

// MeshTLSPolicyList is a list of MeshTLSPolicy objects.
//
// +kubebuilder:object:root=true
type MeshTLSPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []MeshTLSPolicy `json:"items"`
}

// MeshTLSPolicySpec is the TLS that a policy asks for: whose (workload, gateway, or neither) and what (the verbs).
type MeshTLSPolicySpec struct {
	// workload names the pods whose TLS the policy governs. Exclusive with gateway. With neither, the policy governs every
	// workload of its namespace, and in Istio's root namespace every workload of the mesh.
	// +optional
	Workload *Target `json:"workload,omitempty"`
	// gateway names the gateway pods whose TLS the policy governs. Exclusive with workload.
	// +optional
	Gateway *Target `json:"gateway,omitempty"`

	// accept is what the workloads accept from their clients. It compiles to an Istio PeerAuthentication.
	// Not for gateways: their inbound side is terminate, passthrough and plaintext.
	// +optional
	Accept *Accept `json:"accept,omitempty"`
	// send is what the workloads, or the gateway's upstream leg, send to the named hosts. It compiles to Istio DestinationRules.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Send []Send `json:"send,omitempty"`
	// terminate lists the servers at which TLS ends at the gateway. It compiles to servers of an Istio Gateway.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Terminate []Terminate `json:"terminate,omitempty"`
	// passthrough lists the servers whose TLS the gateway routes by SNI and never decrypts. It compiles to servers of an Istio Gateway.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Passthrough []Passthrough `json:"passthrough,omitempty"`
	// plaintext lists the servers that the gateway serves without TLS. It compiles to servers of an Istio Gateway.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Plaintext []Plaintext `json:"plaintext,omitempty"`
}

// Target names pods: by their labels, or by a Service in front of them. Exactly one of the two is set.
//
// +kubebuilder:validation:XValidation:rule="has(self.selector) != has(self.service)",message="name the pods either by service or by selector"
type Target struct {
	// selector names the pods by label. A workload's pods are those of the policy's namespace; a gateway's may live in any
	// namespace, as with the selector of an Istio Gateway.
	// +optional
	Selector *LabelSelector `json:"selector,omitempty"`
	// service names the pods behind a Service of the policy's namespace. The Service must have a selector; the policy follows
	// it when it changes.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z]([-a-z0-9]*[a-z0-9])?$`
	Service string `json:"service,omitempty"`
}

// LabelSelector selects pods by equality of labels, the only form that Istio's workload selectors know.
type LabelSelector struct {
	// matchLabels are the labels that a pod must all have, with these values. At least one.
	// +required
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=16
	MatchLabels map[string]string `json:"matchLabels"`
}
