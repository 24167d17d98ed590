package v1alpha1

// RolloutGate is what lets a target through to Strict.
//
// +kubebuilder:validation:Enum=Evidence;Manual;Timer
type RolloutGate string

const (
	// GateEvidence: clean evidence for as long as asked.
	GateEvidence RolloutGate = "Evidence"
	// GateManual: the same, and then somebody's approval.
	GateManual RolloutGate = "Manual"
	// GateTimer: time alone.
	GateTimer RolloutGate = "Timer"
)

// RolloutOrder is what becomes Strict before what.
//
// +kubebuilder:validation:Enum=Together;PerWorkload
type RolloutOrder string

const (
	// OrderTogether: nothing becomes Strict before everything is clean.
	OrderTogether RolloutOrder = "Together"
	// OrderPerWorkload: workloads of a namespace that are clean do not wait for the others.
	OrderPerWorkload RolloutOrder = "PerWorkload"
)

// RolloutReaction is what happens when calls are refused in the probation.
//
// +kubebuilder:validation:Enum=Hold;Undo
type RolloutReaction string

const (
	// ReactionHold: it stays Strict, and tells.
	ReactionHold RolloutReaction = "Hold"
	// ReactionUndo: it goes back, once.
	ReactionUndo RolloutReaction = "Undo"
)

// RolloutAudit says whether the target's proxies count what Strict would refuse.
//
// +kubebuilder:validation:Enum=Enabled;Disabled
type RolloutAudit string

const (
	// AuditEnabled: they do, by an AuthorizationPolicy in dry-run.
	AuditEnabled RolloutAudit = "Enabled"
	// AuditDisabled: they do not.
	AuditDisabled RolloutAudit = "Disabled"
)

// Rollout is the way from Permissive to Strict.
//
// +kubebuilder:validation:XValidation:rule="!has(self.approve) || self.gate == 'Manual'",fieldPath=".approve",reason=FieldValueForbidden,message="accept.rollout.approve opens a Manual gate: set gate to Manual, or remove approve"
// +kubebuilder:validation:XValidation:rule="self.onRefusal != 'Undo' || !has(self.probation) || duration(self.probation) > duration('0s')",fieldPath=".onRefusal",reason=FieldValueInvalid,message="accept.rollout.onRefusal: Undo goes back in the probation: give it a probation of 5m to 24h, or set onRefusal to Hold"
type Rollout struct {
	// observe is for how long no call may have been seen that Strict would refuse, before the target becomes Strict: 1m to 2160h.
	// Default: 24h. Calls are looked for as far back as that.
	// +optional
	// +kubebuilder:default="24h"
	// +kubebuilder:validation:MaxLength=18
	// +kubebuilder:validation:Pattern=`^([0-9]{1,5}(h|m|s)){1,3}$`
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1m') && duration(self) <= duration('2160h')",message="accept.rollout.observe is a time from 1m to 2160h"
	Observe string `json:"observe,omitempty"`
	// gate is what lets the target through to Strict. Evidence (the default): no call that Strict would refuse in the time of observe, and
	// at least one call with mutual TLS at each port, or of each of expectClients. Manual: the same, and then a change of approve.
	// Timer: the time of observe alone, whatever is called.
	// +optional
	// +kubebuilder:default=Evidence
	Gate RolloutGate `json:"gate,omitempty"`
	// approve opens a Manual gate when it changes, so a commit approves: a date or a name, for instance. What it is when the rollout
	// begins does not count, nor does an approval before somebody's call blocks the rollout. At most 128 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Approve string `json:"approve,omitempty"`
	// paused holds the rollout where it is. What is Strict stays so. Default: false.
	// +optional
	Paused bool `json:"paused,omitempty"`
	// order is for a namespace's policy. Together (the default): nothing becomes Strict before every workload is clean. PerWorkload:
	// workloads that were clean for the time of observe become Strict before the others, one at a time, each by a PeerAuthentication of
	// its own; these are removed when the namespace as a whole is Strict. A workload that cannot be told from others by labels waits for
	// the last step. In a policy for the mesh it is as Together.
	// +optional
	// +kubebuilder:default=Together
	Order RolloutOrder `json:"order,omitempty"`
	// evidence is what is done so that more is seen. Omitted: nothing.
	// +optional
	Evidence *RolloutEvidence `json:"evidence,omitempty"`
	// probation is for how long refused calls are looked for once the target is Strict: 5m to 24h, or 0s for none. Default: 30m.
	// Connections that are open at the switch are closed after 45 s, so refusals come late.
	// +optional
	// +kubebuilder:default="30m"
	// +kubebuilder:validation:MaxLength=18
	// +kubebuilder:validation:Pattern=`^([0-9]{1,5}(h|m|s)){1,3}$`
	// +kubebuilder:validation:XValidation:rule="duration(self) == duration('0s') || duration(self) >= duration('5m') && duration(self) <= duration('24h')",message="accept.rollout.probation is a time from 5m to 24h, or 0s for none"
	Probation string `json:"probation,omitempty"`
	// onRefusal is what happens when calls are refused in the probation. Hold (the default): the target stays Strict, and the status
	// tells. Undo: the target goes back to Permissive, once, and the rollout ends with the phase Undone. Refusals are seen only where the
	// operator reads the proxies (--evidence-scrape): ztunnel tells of each, a sidecar only with the annotation
	// sidecar.istio.io/statsInclusionSuffixes: no_filter_chain_match on its pod. Where they are not seen, Undo does nothing.
	// +optional
	// +kubebuilder:default=Hold
	OnRefusal RolloutReaction `json:"onRefusal,omitempty"`
	// ignore are clients that may be cut off: their calls do not block. At most 16.
	// +optional
	// +listType=map
	// +listMapKey=namespace
	// +listMapKey=workload
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Ignore []IgnoredClient `json:"ignore,omitempty"`
	// expectClients must have called with mutual TLS in the time of observe. They stand in for the proof that each port was called. At
	// most 32.
	// +optional
	// +listType=map
	// +listMapKey=namespace
	// +listMapKey=workload
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	ExpectClients []ExpectedClient `json:"expectClients,omitempty"`
}

// RolloutEvidence is what is done so that more is seen.
type RolloutEvidence struct {
	// audit is for workloads with sidecars. Enabled: while the rollout observes there is an AuthorizationPolicy for the target that
	// refuses nothing (istio.io/dry-run) and has each proxy count, for each HTTP port, what Strict would refuse; for TCP ports it is one
	// count for all. So a blocker has its port also where Istio's metrics do not tell it, and each port can be proved. To write it
	// closes every connection to the target once; it goes with the last step of the switch, which closes them all anyway. The status says
	// when it is written, a minute or more before. The operator must be told (--evidence-audit) and have a right for it. Disabled (the
	// default): there is none.
	// +optional
	// +kubebuilder:default=Disabled
	Audit RolloutAudit `json:"audit,omitempty"`
}

// IgnoredClient is a client that may be cut off.
type IgnoredClient struct {
	// namespace is the client's.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace"`
	// workload is the client's name in Istio's metrics: that of its Deployment, or of what else makes its pods.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Workload string `json:"workload"`
	// reason says why it may be cut off, for those who read it later. 1 to 1024 characters.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Reason string `json:"reason"`
}

// ExpectedClient is a client that must have been seen.
type ExpectedClient struct {
	// namespace is the client's.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace"`
	// workload is the client's name in Istio's metrics: that of its Deployment, or of what else makes its pods.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Workload string `json:"workload"`
}
