package v1alpha1

// The types of a MeshTLSPolicy's conditions. Ready, Accepted, ResolvedRefs, Programmed and Effective are always present once
// the operator has seen the policy, RolledOut while its spec has a rollout; Reconciling and Stalled only while they are true (kstatus).
const (
	// ConditionReady is derived: True when Accepted, ResolvedRefs, Programmed and Effective are, at this generation. Its
	// reason and message come from the first that is not True.
	ConditionReady = "Ready"
	// ConditionAccepted: the spec makes sense here, and at least a part of it wins over other policies.
	ConditionAccepted = "Accepted"
	// ConditionResolvedRefs: what the spec names (Services, ports, hosts, pods) exists.
	ConditionResolvedRefs = "ResolvedRefs"
	// ConditionProgrammed: the objects in the cluster equal the plan.
	ConditionProgrammed = "Programmed"
	// ConditionEffective: Istio's rules, applied to everything in the cluster, give what the policy asks.
	ConditionEffective = "Effective"
	// ConditionRolledOut: the rollout of spec.accept.rollout is completed. Present only while the spec has one. Its reason is the phase, and
	// its message says what the rollout waits for.
	ConditionRolledOut = "RolledOut"
	// ConditionReconciling: the operator is still working towards the spec, or waits for something it names. Abnormal-true.
	ConditionReconciling = "Reconciling"
	// ConditionStalled: the operator cannot go on until the user acts. Abnormal-true.
	ConditionStalled = "Stalled"
)

// Reasons of the conditions while they are True. The reason equals the condition's type, save for Ready=True, whose reason is Ready, or
// RollingOut.
const (
	// ReasonReady appears on Ready=True.
	ReasonReady = "Ready"
	// ReasonRollingOut appears on Ready=True while a rollout is on its way: what it asks for now is in force.
	ReasonRollingOut = "RollingOut"
	// ReasonAccepted appears on Accepted=True.
	ReasonAccepted = "Accepted"
	// ReasonResolvedRefs appears on ResolvedRefs=True.
	ReasonResolvedRefs = "ResolvedRefs"
	// ReasonProgrammed appears on Programmed=True.
	ReasonProgrammed = "Programmed"
	// ReasonEffective appears on Effective=True.
	ReasonEffective = "Effective"
)

// Reasons of Accepted=False.
const (
	// ReasonInvalid: the spec contradicts itself in a way that admission could not see.
	ReasonInvalid = "Invalid"
	// ReasonConflicted: older policies or foreign objects already decide everything that the policy asks for. On Effective: what the
	// policy asks for is in force, and takes something from clients that no policy names.
	ReasonConflicted = "Conflicted"
	// ReasonBelowFloor: everything the policy declares is weaker than a floor above it allows.
	ReasonBelowFloor = "BelowFloor"
	// ReasonUnsupported: Istio cannot do this here.
	ReasonUnsupported = "Unsupported"
	// ReasonNotPermitted: a policy of this namespace may not decide this.
	ReasonNotPermitted = "NotPermitted"
)

// Reasons of ResolvedRefs=False.
const (
	// ReasonServiceNotFound: a Service that the spec names does not exist, or has no selector.
	ReasonServiceNotFound = "ServiceNotFound"
	// ReasonPortNotFound: a Service port that the spec names does not exist.
	ReasonPortNotFound = "PortNotFound"
	// ReasonHostNotFound: no Service and no ServiceEntry declares a host that the spec names.
	ReasonHostNotFound = "HostNotFound"
	// ReasonNoMatchingPods: no pod matches the target.
	ReasonNoMatchingPods = "NoMatchingPods"
	// ReasonCredentialInvalid: a credential that the spec names does not exist or cannot be used.
	ReasonCredentialInvalid = "CredentialInvalid"
)

// ReasonNotInFiles: what the policy depends on is not among the files that kubectl meshtls reads, and may be in the cluster. It appears
// on conditions that are Unknown, in what the plugin foretells of files; the operator never writes it.
const ReasonNotInFiles = "NotInFiles"

// Reasons of Programmed=False.
const (
	// ReasonApplyFailed: the API server refused or could not be reached; it is tried again.
	ReasonApplyFailed = "ApplyFailed"
	// ReasonPruneFailed: everything was written, but an object that is not wanted any more could not be deleted; it is tried again.
	ReasonPruneFailed = "PruneFailed"
	// ReasonNotOwned: an object that is not ours has the name of one that we would write.
	ReasonNotOwned = "NotOwned"
	// ReasonContested: somebody else changes an object of ours back, again and again.
	ReasonContested = "Contested"
	// ReasonNameCollision: the policy's object and that of another policy would have the same name.
	ReasonNameCollision = "NameCollision"
	// ReasonIstioCRDsMissing: the cluster does not know the Istio kinds that the policy needs.
	ReasonIstioCRDsMissing = "IstioCRDsMissing"
)

// Reasons of Effective=False.
const (
	// ReasonShadowed: an object that is not ours wins over ours under Istio's rules.
	ReasonShadowed = "Shadowed"
	// ReasonOverlapped: an older object of ours, of another policy, is for some of the same pods, and Istio honours only that one for them.
	ReasonOverlapped = "Overlapped"
	// ReasonPartlyConflicted: a part of the policy is decided by older policies or forbidden by a floor; the rest stands.
	ReasonPartlyConflicted = "PartlyConflicted"
	// ReasonNotCarried: no pod of the target has a proxy that carries out what was written.
	ReasonNotCarried = "NotCarried"
	// ReasonNoRoutes: no VirtualService routes the connections of a server, so Istio does not open it.
	ReasonNoRoutes = "NoRoutes"
	// ReasonRefused: servers refuse what the policy has clients send, or the policy's pods refuse every client with a proxy.
	ReasonRefused = "Refused"
	// ReasonInert: what was written has no effect.
	ReasonInert = "Inert"
)

// ReasonUndecodable appears on Effective, Unknown: an object of Istio's that may decide what the policy decides is stored in a form that
// the operator cannot read.
const ReasonUndecodable = "Undecodable"

// Reasons of Ready=False, with Stalled=True, that come from a rollout.
const (
	// ReasonRolloutBlocked: calls that Strict would refuse have been seen for a day.
	ReasonRolloutBlocked = "RolloutBlocked"
	// ReasonRolloutUndone: calls were refused in the probation, and the target accepts again what it accepted before.
	ReasonRolloutUndone = "RolloutUndone"
)

// ReasonPending appears on Programmed and Effective, Unknown, while Accepted=False leaves them nothing to say, and on the Ready, Unknown,
// that a policy is born with.
const ReasonPending = "Pending"

const (
	// AnnotationMute lists, comma-separated, the checks whose warnings and infos the policy does not want to hear.
	AnnotationMute = "security.meshtls.dev/mute"
	// LabelManagedBy marks the objects that the operator writes, with the value ManagedBy. It finds them; what else makes them the
	// operator's is in docs/spec.md.
	LabelManagedBy = "app.kubernetes.io/managed-by"
	// ManagedBy is the value of LabelManagedBy.
	ManagedBy = "meshtls"
	// LabelRevision is Istio's label for the control plane revision that reads an object.
	LabelRevision = "istio.io/rev"
)
