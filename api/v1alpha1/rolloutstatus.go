package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// RolloutPhase is where a rollout stands.
//
// +kubebuilder:validation:Enum=Waiting;Observing;Blocked;AwaitingApproval;Switching;Probation;Completed;Undone;Paused
type RolloutPhase string

// The phases of a rollout. Each is a reason of the condition RolledOut, and of an event.
const (
	// RolloutWaiting: there are no pods yet, or the policy is not accepted.
	RolloutWaiting RolloutPhase = "Waiting"
	// RolloutObserving: the clean time is not over, or not everything is proved.
	RolloutObserving RolloutPhase = "Observing"
	// RolloutBlocked: calls were seen that Strict would refuse.
	RolloutBlocked RolloutPhase = "Blocked"
	// RolloutAwaitingApproval: the evidence is clean, and somebody must approve.
	RolloutAwaitingApproval RolloutPhase = "AwaitingApproval"
	// RolloutSwitching: port by port becomes Strict.
	RolloutSwitching RolloutPhase = "Switching"
	// RolloutProbation: everything is Strict, and refusals are watched for.
	RolloutProbation RolloutPhase = "Probation"
	// RolloutCompleted: the target is Strict for good.
	RolloutCompleted RolloutPhase = "Completed"
	// RolloutUndone: calls were refused in the probation, and the target is as it was.
	RolloutUndone RolloutPhase = "Undone"
	// RolloutPaused: nothing moves until the policy says so.
	RolloutPaused RolloutPhase = "Paused"
)

// RolloutStatus is how far a rollout has come. Its times say when something was, or will be; nothing is written because time passes, and
// what was counted is of the last change of phase or blockers.
type RolloutStatus struct {
	// phase is where the rollout stands.
	// +required
	Phase RolloutPhase `json:"phase"`
	// summary is the phase with what matters most about it, in words: "Observing until 2026-12-06 12:00Z", "Blocked: 2 clients".
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Summary string `json:"summary,omitempty"`
	// message says where the rollout stands and what it waits for.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	Message string `json:"message,omitempty"`
	// id stands for what the rollout asks for. One that was undone begins anew when it changes.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	ID string `json:"id,omitempty"`
	// mode is what the target is made to accept now, at ports that strictPorts does not list.
	// +required
	Mode AcceptMode `json:"mode"`
	// strictPorts are the workload's ports that are Strict already.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=1024
	StrictPorts []int32 `json:"strictPorts,omitempty"`
	// keptPorts are the ports that were Strict when the rollout began.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=1024
	KeptPorts []int32 `json:"keptPorts,omitempty"`
	// strictWorkloads are the workloads of a namespace that are Strict before the others, with order PerWorkload.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=128
	StrictWorkloads []RolloutWorkload `json:"strictWorkloads,omitempty"`
	// keptWorkloads are the workloads that were Strict when the rollout began.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=128
	KeptWorkloads []RolloutWorkload `json:"keptWorkloads,omitempty"`
	// since is when the phase began. Omitted, like the other times, where the operator has not looked yet.
	// +optional
	Since *metav1.Time `json:"since,omitempty"`
	// startedAt is when the rollout began to observe. Times in which nothing was known are left out, so it may be later than it was.
	// +optional
	StartedAt *metav1.Time `json:"startedAt,omitempty"`
	// cleanSince is since when nothing speaks against Strict.
	// +optional
	CleanSince *metav1.Time `json:"cleanSince,omitempty"`
	// stoppedAt is when time stopped to count: the rollout is paused or waits, or nothing is known. Omitted: time counts.
	// +optional
	StoppedAt *metav1.Time `json:"stoppedAt,omitempty"`
	// switchAt is when the next step of the switch is due.
	// +optional
	SwitchAt *metav1.Time `json:"switchAt,omitempty"`
	// switchedAt is when all of the target became Strict.
	// +optional
	SwitchedAt *metav1.Time `json:"switchedAt,omitempty"`
	// auditAt is when the audit policy is written, or was; omitted: there is none.
	// +optional
	AuditAt *metav1.Time `json:"auditAt,omitempty"`
	// coverage says how much of the target was seen.
	// +optional
	Coverage *RolloutCoverage `json:"coverage,omitempty"`
	// blockers are clients whose calls Strict would refuse, the latest first; at most 10.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	Blockers []RolloutBlocker `json:"blockers,omitempty"`
	// blockersCount counts all clients that block, also where blockers has no room for them.
	// +optional
	BlockersCount int32 `json:"blockersCount,omitempty"`
	// approved is the approval that was there when the rollout began, or that counted last.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Approved string `json:"approved,omitempty"`
	// gateOpen says that a Manual gate was opened.
	// +optional
	GateOpen bool `json:"gateOpen,omitempty"`
	// attempts is the number of switches that were undone.
	// +optional
	Attempts int32 `json:"attempts,omitempty"`
}

// RolloutWorkload is a workload with the labels that tell its pods from others.
type RolloutWorkload struct {
	// name is the workload's name in Istio's metrics: that of its Deployment, or of what else makes its pods.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// labels are what its pods have, and no others of the namespace, as kubectl writes them: app=payments,tier=web.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	Labels string `json:"labels"`
}

// RolloutCoverage says how much of a target was seen.
type RolloutCoverage struct {
	// source is where the evidence comes from.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Source string `json:"source,omitempty"`
	// pods are the ready pods with a proxy.
	// +optional
	Pods int32 `json:"pods,omitempty"`
	// reporting are those of them whose proxy the source hears.
	// +optional
	Reporting int32 `json:"reporting,omitempty"`
	// from is since when the source can tell.
	// +optional
	From *metav1.Time `json:"from,omitempty"`
	// requests are all calls since then, requests and connections together.
	// +optional
	Requests int64 `json:"requests,omitempty"`
	// mutualTLS are those of them with mutual TLS of the mesh.
	// +optional
	MutualTLS int64 `json:"mutualTLS,omitempty"`
}

// RolloutBlocker is a client whose calls Strict would refuse.
type RolloutBlocker struct {
	// client is the workload that calls, as namespace/name; unknown where the metrics do not name it.
	// +required
	// +kubebuilder:validation:MaxLength=320
	Client string `json:"client"`
	// server is the workload that is called, as namespace/name.
	// +optional
	// +kubebuilder:validation:MaxLength=320
	Server string `json:"server,omitempty"`
	// service is the name of the Service that is called, as far as the proxy knows.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Service string `json:"service,omitempty"`
	// ports are the called port of the workload, or its candidates where the metrics do not tell it.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Ports []int32 `json:"ports,omitempty"`
	// protocol is http, grpc or tcp.
	// +optional
	// +kubebuilder:validation:MaxLength=16
	Protocol string `json:"protocol,omitempty"`
	// requests is how often it called, at the last change of phase or blockers.
	// +optional
	Requests int64 `json:"requests,omitempty"`
	// lastSeen is when it called last, at the last change of phase or blockers.
	// +optional
	LastSeen *metav1.Time `json:"lastSeen,omitempty"`
	// hint says why the call is not mutual TLS, as far as the mesh's configuration tells.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Hint string `json:"hint,omitempty"`
}
