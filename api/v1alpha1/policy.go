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
// +kubebuilder:metadata:annotations="helm.sh/resource-policy=keep"
// +kubebuilder:metadata:annotations="argocd.argoproj.io/sync-options=Prune=false,Delete=false"
// +kubebuilder:printcolumn:name="Target",type=string,JSONPath=`.status.target`
// +kubebuilder:printcolumn:name="Accepts",type=string,JSONPath=`.status.accepts`
// +kubebuilder:printcolumn:name="Serves",type=string,JSONPath=`.status.serves`
// +kubebuilder:printcolumn:name="Rollout",type=string,JSONPath=`.status.rollout.summary`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Findings",type=string,JSONPath=`.status.findingsSummary`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Sends",type=string,priority=1,JSONPath=`.status.sends`
// +kubebuilder:printcolumn:name="Objects",type=string,priority=1,JSONPath=`.status.renders`
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
	// status is what the operator found and did. It is written by the operator alone. A new policy is born with Ready=Unknown, so that
	// tools which read conditions do not take it for done before the operator has looked at it.
	// +optional
	// +kubebuilder:default={conditions: {{type: "Ready", status: "Unknown", reason: "Pending", message: "The operator has not looked at the policy yet.", lastTransitionTime: "1970-01-01T00:00:00Z"}}}
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
//
// +kubebuilder:validation:XValidation:rule="!has(self.workload) || !has(self.gateway)",fieldPath=".gateway",reason=FieldValueForbidden,message="a policy has at most one target: keep workload or gateway, and write a second policy for the other"
// +kubebuilder:validation:XValidation:rule="has(self.accept) || has(self.send) || has(self.terminate) || has(self.passthrough) || has(self.plaintext)",reason=FieldValueRequired,message="the policy asks for nothing: set at least one of accept, send, terminate, passthrough and plaintext"
//
// +kubebuilder:validation:XValidation:rule="!has(self.workload) || !has(self.workload.gateway)",fieldPath=".workload.gateway",reason=FieldValueForbidden,message="the pods of a Gateway are a gateway: name it by gateway.gateway"
//
// The table of verbs and targets: one rule for each cell that is illegal.
//
// +kubebuilder:validation:XValidation:rule="!has(self.accept) || !has(self.gateway)",fieldPath=".accept",reason=FieldValueForbidden,message="accept is for workloads: a gateway's inbound side is terminate, passthrough and plaintext"
// +kubebuilder:validation:XValidation:rule="has(self.workload) || !has(self.accept) || !has(self.accept.ports) || has(self.gateway)",fieldPath=".accept.ports",reason=FieldValueForbidden,message="accept.ports needs workload: Istio has port modes only for named workloads; set workload.service or workload.selector"
// +kubebuilder:validation:XValidation:rule="!has(self.accept) || !has(self.accept.floor) || !has(self.workload)",fieldPath=".accept.floor",reason=FieldValueForbidden,message="accept.floor binds a namespace or the mesh: set it in a policy without workload; for these workloads alone set accept.mode"
// +kubebuilder:validation:XValidation:rule="!has(self.accept) || !has(self.accept.rollout) || self.accept.rollout.order != 'PerWorkload' || !has(self.workload)",fieldPath=".accept.rollout.order",reason=FieldValueForbidden,message="accept.rollout.order: PerWorkload is for the policy of a namespace: remove workload, or remove order"
// +kubebuilder:validation:XValidation:rule="!has(self.accept) || !has(self.accept.rollout) || !has(self.accept.rollout.evidence) || self.accept.rollout.evidence.audit != 'Enabled' || has(self.workload)",fieldPath=".accept.rollout.evidence",reason=FieldValueForbidden,message="accept.rollout.evidence.audit: Enabled is for the pods of one workload: set workload, or remove audit"
// +kubebuilder:validation:XValidation:rule="!has(self.terminate) || (has(self.gateway) && !has(self.workload))",fieldPath=".terminate",reason=FieldValueForbidden,messageExpression="has(self.workload) ? 'terminate is for gateways: what a workload receives is accept; if these pods are a gateway, name them by gateway' : 'terminate needs gateway: name the gateway\\'s pods by gateway.service or gateway.selector'"
// +kubebuilder:validation:XValidation:rule="!has(self.passthrough) || (has(self.gateway) && !has(self.workload) && (!has(self.terminate) || self.terminate.all(t, self.passthrough.all(p, t.port != p.port || (has(t.bind) ? t.bind : 'all') != (has(p.bind) ? p.bind : 'all') || !sets.intersects(t.hosts, p.hosts)))))",fieldPath=".passthrough",reason=FieldValueForbidden,messageExpression="has(self.workload) ? 'passthrough is for gateways: what a workload receives is accept; if these pods are a gateway, name them by gateway' : !has(self.gateway) ? 'passthrough needs gateway: name the gateway\\'s pods by gateway.service or gateway.selector' : 'terminate and passthrough serve one host on one port and bind: Istio drops the second server with all its hosts; keep the host in one of them'"
// +kubebuilder:validation:XValidation:rule="!has(self.plaintext) || (has(self.gateway) && !has(self.workload) && (!has(self.terminate) || self.terminate.all(t, self.plaintext.all(p, t.port != p.port || (has(t.bind) ? t.bind : 'all') != (has(p.bind) ? p.bind : 'all')))) && (!has(self.passthrough) || self.passthrough.all(t, self.plaintext.all(p, t.port != p.port || (has(t.bind) ? t.bind : 'all') != (has(p.bind) ? p.bind : 'all')))))",fieldPath=".plaintext",reason=FieldValueForbidden,messageExpression="has(self.workload) ? 'plaintext is for gateways: for a workload set accept.mode to Permissive or Disable; if these pods are a gateway, name them by gateway' : !has(self.gateway) ? 'plaintext needs gateway: name the gateway\\'s pods by gateway.service or gateway.selector' : has(self.terminate) && !self.terminate.all(t, self.plaintext.all(p, t.port != p.port || (has(t.bind) ? t.bind : 'all') != (has(p.bind) ? p.bind : 'all'))) ? 'terminate and plaintext meet on one port and bind: Istio drops one of the servers; give them different ports' : 'passthrough and plaintext meet on one port and bind: Istio drops one of the servers; give them different ports'"
//
// What send may say depends on the target.
//
// +kubebuilder:validation:XValidation:rule="!has(self.send) || (has(self.workload) || has(self.gateway) ? self.send.all(s, !has(s.clients)) : self.send.all(s, (!has(s.credentialName) || s.credentialName.startsWith('configmap://')) && (!has(s.ports) || s.ports.all(p, !has(p.credentialName) || p.credentialName.startsWith('configmap://')))))",fieldPath=".send",reason=FieldValueForbidden,messageExpression="has(self.workload) || has(self.gateway) ? 'clients is for policies without workload and gateway: here the target\\'s pods are the clients; remove clients' : 'credentialName needs workload or gateway: without a workload selector Istio sends plaintext; name the clients by workload, or mount the certificates and give their paths'"
//
// What the servers of a gateway may not do to each other.
//
// +kubebuilder:validation:XValidation:rule="!has(self.gateway) || (!has(self.terminate) || self.terminate.all(t, !has(t.name) || (self.terminate.exists_one(u, has(u.name) && u.name == t.name) && (!has(self.passthrough) || !self.passthrough.exists(u, has(u.name) && u.name == t.name)) && (!has(self.plaintext) || !self.plaintext.exists(u, has(u.name) && u.name == t.name))))) && (!has(self.passthrough) || self.passthrough.all(t, !has(t.name) || (self.passthrough.exists_one(u, has(u.name) && u.name == t.name) && (!has(self.plaintext) || !self.plaintext.exists(u, has(u.name) && u.name == t.name))))) && (!has(self.plaintext) || self.plaintext.all(t, !has(t.name) || self.plaintext.exists_one(u, has(u.name) && u.name == t.name)))",reason=FieldValueInvalid,message="two servers have one name: names are unique in terminate, passthrough and plaintext together, since Istio's statistics of servers with one name run together"
type MeshTLSPolicySpec struct {
	// workload names the pods whose TLS the policy governs. Exclusive with gateway. With neither, the policy governs every
	// workload of its namespace, and in Istio's root namespace every workload of the mesh. It is the selector of the
	// PeerAuthentication and the workloadSelector of the DestinationRules.
	// +optional
	Workload *Target `json:"workload,omitempty"`
	// gateway names the gateway pods whose TLS the policy governs. Exclusive with workload. It is the selector of the Istio
	// Gateway, and the workloadSelector of the DestinationRules for the gateway's upstream leg.
	// +optional
	Gateway *Target `json:"gateway,omitempty"`

	// accept is what the workloads accept from their clients. It compiles to an Istio PeerAuthentication. Omitted: what the
	// namespace's, then the mesh's policy says. Not for gateways: their inbound side is terminate, passthrough and plaintext.
	// +optional
	Accept *Accept `json:"accept,omitempty"`
	// send is what the workloads, or the gateway's upstream leg, send to the named hosts. It compiles to Istio DestinationRules.
	// Omitted: Istio decides (auto mTLS), unless a DestinationRule says otherwise. A host stands in one entry only (for the same
	// clients). At most 32 entries, with 512 hosts together.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:XValidation:rule="self.size() <= 8 || self.map(s, s.hosts.size()).sum() <= 512",message="send names more than 512 hosts: split the policy"
	// +kubebuilder:validation:XValidation:rule="self.size() == 1 || self.map(s, s.hosts.size()).sum() > 512 || self.all(s, self.filter(o, (has(o.clients) ? o.clients : 'Namespace') == (has(s.clients) ? s.clients : 'Namespace') && sets.intersects(s.hosts, o.hosts)).size() <= 1)",message="two entries of send name one host: keep it in one entry, with its ports beside its mode"
	Send []Send `json:"send,omitempty"`
	// terminate lists the servers at which TLS ends at the gateway. It compiles to servers of an Istio Gateway, with tls.mode
	// SIMPLE, MUTUAL, OPTIONAL_MUTUAL or ISTIO_MUTUAL. A host stands in one server of a port and bind only: Istio drops the second
	// server with all its hosts. At most 64 entries, with 512 hosts together.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:XValidation:rule="self.size() <= 16 || self.map(s, s.hosts.size()).sum() <= 512",message="terminate names more than 512 hosts: split the policy"
	// +kubebuilder:validation:XValidation:rule="self.size() == 1 || self.map(s, s.hosts.size()).sum() > 512 || self.all(s, self.filter(o, o.port == s.port && (has(o.bind) ? o.bind : 'all') == (has(s.bind) ? s.bind : 'all') && sets.intersects(s.hosts, o.hosts)).size() <= 1)",message="two entries of terminate serve one host on one port and bind: Istio drops the second with all its hosts; keep the host in one entry"
	Terminate []Terminate `json:"terminate,omitempty"`
	// passthrough lists the servers whose TLS the gateway routes by SNI and never decrypts. It compiles to servers of an Istio
	// Gateway, with tls.mode PASSTHROUGH or AUTO_PASSTHROUGH. A host stands in one server of a port and bind only, terminate
	// included. At most 64 entries, with 512 hosts together.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:XValidation:rule="self.size() <= 16 || self.map(s, s.hosts.size()).sum() <= 512",message="passthrough names more than 512 hosts: split the policy"
	// +kubebuilder:validation:XValidation:rule="self.size() == 1 || self.map(s, s.hosts.size()).sum() > 512 || self.all(s, self.filter(o, o.port == s.port && (has(o.bind) ? o.bind : 'all') == (has(s.bind) ? s.bind : 'all') && sets.intersects(s.hosts, o.hosts)).size() <= 1)",message="two entries of passthrough serve one host on one port and bind: Istio drops the second with all its hosts; keep the host in one entry"
	Passthrough []Passthrough `json:"passthrough,omitempty"`
	// plaintext lists the servers that the gateway serves without TLS. It compiles to servers of an Istio Gateway without tls, or
	// with httpsRedirect alone. A host stands in one server of a port and bind only, and a port and bind is either plaintext, or
	// terminate and passthrough. At most 64 entries, with 512 hosts together.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:XValidation:rule="self.size() <= 16 || self.map(s, s.hosts.size()).sum() <= 512",message="plaintext names more than 512 hosts: split the policy"
	// +kubebuilder:validation:XValidation:rule="self.size() == 1 || self.map(s, s.hosts.size()).sum() > 512 || self.all(s, self.filter(o, o.port == s.port && (has(o.bind) ? o.bind : 'all') == (has(s.bind) ? s.bind : 'all') && sets.intersects(s.hosts, o.hosts)).size() <= 1)",message="two entries of plaintext serve one host on one port and bind: keep the host in one entry"
	// +kubebuilder:validation:XValidation:rule="self.all(s, s.protocol in ['HTTP', 'HTTP2', 'GRPC', 'GRPC-WEB'] || self.exists_one(o, o.port == s.port && (has(o.bind) ? o.bind : 'all') == (has(s.bind) ? s.bind : 'all')))",message="TCP, MONGO, REDIS and MYSQL have a port and bind to themselves, since such connections name no host: give the servers different ports, or put their hosts into one entry"
	Plaintext []Plaintext `json:"plaintext,omitempty"`
}

// Target names pods: by their labels, by a Service in front of them, or those of a gateway by their Kubernetes Gateway. Exactly one of
// these is set.
//
// +kubebuilder:validation:XValidation:rule="[has(self.selector), has(self.service), has(self.gateway)].exists_one(set, set)",reason=FieldValueRequired,message="name the pods either by service or by selector, or those of a gateway by gateway: exactly one of these"
type Target struct {
	// selector names the pods by label. A workload's pods are those of the policy's namespace; a gateway's may live in any
	// namespace, as with the selector of an Istio Gateway. Exclusive with service.
	// +optional
	Selector *LabelSelector `json:"selector,omitempty"`
	// service names the pods behind a Service of the policy's namespace, by its plain name: a lower-case DNS label. The Service
	// must have a selector; the policy follows it when it changes. Exclusive with selector.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="service is the plain name of a Service of the policy's namespace: lower-case letters, digits and '-', without a domain or port"
	Service string `json:"service,omitempty"`
	// gateway names the pods that Istio keeps for a Gateway of the Kubernetes Gateway API in the policy's namespace. Only in gateway, and
	// only for send: what the pods serve is said by the Gateway's listeners. Pods of a Gateway with an address of its own are
	// named by service or selector. Exclusive with service and selector.
	// +optional
	Gateway *GatewayReference `json:"gateway,omitempty"`
}

// GatewayReference names a Gateway of the policy's namespace.
type GatewayReference struct {
	// group is the API group of the Gateway: that of the Kubernetes Gateway API. Pods of an Istio Gateway are named by the selector that
	// it has.
	// +kubebuilder:validation:Enum=gateway.networking.k8s.io
	Group string `json:"group"`
	// name is the Gateway's.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`
	Name string `json:"name"`
}
