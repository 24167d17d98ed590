package policy

import (
	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/model"
)

// decided are the findings that the translation of policies makes itself: what it refuses, and what it warns of.
var decided = []lint.About{
	{
		Name:     "target-service-not-found",
		Severity: []lint.Severity{lint.Error, lint.Info},
		Reasons:  []string{meshtlsv1alpha1.ReasonServiceNotFound},
		Finds:    "a `workload.service` or `gateway.service` that does not exist, or that has no selector.",
		Why: "Nobody knows which pods the policy means. What was written for it earlier stays until then ([ADR " +
			"8](adr/0008-fail-static.md)).",
		Fix: "Create the Service, or name the pods by `selector`.",
	},
	{
		Name:     "accept-conflict",
		Severity: []lint.Severity{lint.Error},
		Reasons:  []string{meshtlsv1alpha1.ReasonConflicted},
		Finds: "a mode of a workload, or of a port of it, that an older policy for the same pods has set otherwise. The entry is " +
			"not rendered.",
		Why: "A port has one mode. The older policy wins, as in Istio.",
		Fix: "Remove one of the two.",
	},
	{
		Name:     "accept-below-floor",
		Severity: []lint.Severity{lint.Error},
		Reasons:  []string{meshtlsv1alpha1.ReasonBelowFloor},
		Finds:    "a mode that is weaker than the floor of the namespace or the mesh. The entry is not rendered.",
		Why:      "Somebody with a say over the whole has forbidden it.",
		Fix:      "Declare a stricter mode, or have the floor lowered. For a time there are [exceptions](spec.md#specacceptfloorexceptions).",
	},
	{
		Name:     model.CheckExceptedFromFloor,
		Severity: []lint.Severity{lint.Info, lint.Warning},
		Finds: "a mode that is weaker than the floor, and that `floorExceptions` of the floor's policy lets through. It is a warning from 14 " +
			"days before the last day on, and says so again 3 days before and on that day.",
		Why: "After the last day the entry is not rendered any more, and its clients without mutual TLS are refused.",
		Fix: "Declare the floor's mode by then, best by way of [observing who would be refused](rollout.md), or have a later day set.",
	},
	{
		Name:     model.CheckExceptionEnds,
		Severity: []lint.Severity{lint.Warning, lint.Info},
		Finds:    "an entry of `floorExceptions` that ends within 14 days, within 3 days or today; as information, one that has ended.",
		Why:      "Whoever set the floor granted the exception, and is asked first when it ends.",
		Fix:      "Ask whether the policy can do without, and set a later `until` only if not. Remove what has ended.",
	},
	{
		Name:     model.CheckAuditNotWritten,
		Severity: []lint.Severity{lint.Warning},
		Finds: "`rollout.evidence.audit: Enabled` where no audit policy is written: the operator may not, a pod of the target has another " +
			"proxy than a sidecar, or none of its ports is known.",
		Why: "The rollout goes by Istio's metrics alone. Where these do not tell the port, a blocker has several, and a port may stay unproved.",
		Fix: "Do as the message says, or set `audit` to `Disabled`.",
	},
	{
		Name:     "accept-workload-in-root-namespace",
		Severity: []lint.Severity{lint.Error},
		Reasons:  []string{meshtlsv1alpha1.ReasonUnsupported},
		Finds:    "`accept` with a `workload` in Istio's root namespace. It is not rendered.",
		Why:      "Istio ignores a PeerAuthentication with a selector there.",
		Fix:      "Remove the workload to govern the mesh, or move the policy to the workload's namespace.",
	},
	{
		Name:     "accept-service-port-not-found",
		Severity: []lint.Severity{lint.Error, lint.Info},
		Reasons:  []string{meshtlsv1alpha1.ReasonPortNotFound},
		Finds:    "a `servicePort` that the Service does not have, or with a selector none of the Services in front of the pods.",
		Why:      "There is nothing to translate, so the entry sets no port.",
		Fix:      "Use one of the ports that the message lists, or name the workload's own number by `port`.",
	},
	{
		Name:     "accept-container-port-not-found",
		Severity: []lint.Severity{lint.Error, lint.Info},
		Reasons:  []string{meshtlsv1alpha1.ReasonPortNotFound},
		Finds:    "a `servicePort` with a named `targetPort` that no pod declares.",
		Why:      "The number is on the pods. Without one the entry sets no port.",
		Fix:      "Start the pods, declare the port in the container, or name the number by `port`.",
	},
	{
		Name:     "accept-port-waits",
		Severity: []lint.Severity{lint.Error, lint.Warning},
		Reasons:  []string{meshtlsv1alpha1.ReasonPortNotFound},
		Finds: "a `servicePort` with a mode other than `Strict` and a named `targetPort`, where a number of it is that of pods alone which are " +
			"not ready. An error if there is no other number.",
		Why: "The mode is the number's in all pods of the target. Who may start a pod, and nothing of Istio's, could else open any port of the " +
			"others by its name. A number that is written already stays while a pod declares it.",
		Fix: "Wait until one of the pods is ready, or name the number by `port`.",
	},
	{
		Name:     "accept-service-port-ambiguous",
		Severity: []lint.Severity{lint.Warning},
		Finds:    "a `servicePort` that leads to several numbers: pods or Services disagree. All of them get the mode.",
		Why:      "A number that means `metrics` in one pod may be something else in another, and gets the mode there, too.",
		Fix:      "Give the port one number, or name the numbers by `port`.",
	},
	{
		Name:     "accept-clients-send-plaintext",
		Severity: []lint.Severity{lint.Error},
		Reasons:  []string{meshtlsv1alpha1.ReasonInert},
		Finds: "a workload that accepts mutual TLS though its namespace or the mesh is `Disable`, or auto mTLS is off, behind a " +
			"Service whose clients cannot be told so. A Strict port refuses them; a Permissive one takes their plaintext, and " +
			"mutual TLS is never used.",
		Why: "Clients ask the namespace's and the mesh's mode alone whether to use mutual TLS. The operator tells them by a " +
			"DestinationRule ([spec](spec.md#specacceptmode)), unless the Service also leads to pods that the policy is not " +
			"about, a `send` with `clients: Namespace` already decides what is sent to it, or a DestinationRule of theirs " +
			"does.",
		Fix: "Let the namespace accept `Permissive` instead of `Disable`, or take away what the message names as the obstacle.",
	},
	{
		Name:     "accept-clients-send-otherwise",
		Severity: []lint.Severity{lint.Warning},
		Finds: "the same workload, where a `send` with `clients: All` has its clients send something else than Istio's mutual " +
			"TLS. The `send` stands.",
		Why: "What is written out goes before what would follow. But the two contradict each other.",
		Fix: "Change the one or the other.",
	},
	{
		Name:     "send-conflict",
		Severity: []lint.Severity{lint.Error},
		Reasons:  []string{meshtlsv1alpha1.ReasonConflicted},
		Finds: "a host, or a port of it, to which an older policy sends something else for the same clients. The entry is not " +
			"rendered.",
		Why: "A connection is made in one way. The older policy wins.",
		Fix: "Remove one of the two.",
	},
	{
		Name:     "send-audience-conflict",
		Severity: []lint.Severity{lint.Error},
		Reasons:  []string{meshtlsv1alpha1.ReasonConflicted},
		Finds: "an entry with `clients: All` and one with `Namespace` for one host, in one namespace. The younger is not " +
			"rendered.",
		Why: "Both become rules without a selector, and Istio would merge them or let one hide the other, by age.",
		Fix: "Keep one of them.",
	},
	{
		Name:     "send-workload-beside-namespace",
		Severity: []lint.Severity{lint.Error},
		Reasons:  []string{meshtlsv1alpha1.ReasonConflicted},
		Finds: "a workload's entry beside the namespace's for a host of this namespace, or in Istio's root namespace. The " +
			"workload's is not rendered.",
		Why: "Istio keeps the namespace's rule beside one for single pods only if it is exported. Here that would reach every " +
			"client of the mesh.",
		Fix: "A policy for each workload, or `clients: All`.",
	},
	{
		Name:     "send-foreign-rule",
		Severity: []lint.Severity{lint.Error},
		Reasons:  []string{meshtlsv1alpha1.ReasonConflicted},
		Finds: "a DestinationRule of theirs in this namespace for exactly this host, beside which ours cannot be: for the same " +
			"clients; a private one (`exportTo: [\".\"]`) for the namespace, beside ours for single pods; or one for single " +
			"pods, beside ours for the namespace, where ours would have to be exported and may not be. Ours is not rendered. " +
			"One that was written before theirs came stays: it is in force, and to take it away would loosen what the policy " +
			"asks for ([`send-silences-foreign`](#send-silences-foreign)).",
		Why: "Istio merges such rules into one and drops parts of the younger. One of the two would be silenced, and nobody " +
			"would be told.",
		Fix: "Set TLS in theirs, or delete it. Where theirs is for the whole namespace and exported, a policy with `workload` " +
			"works: it starts from theirs.",
	},
	{
		Name:     "send-hides-rule",
		Severity: []lint.Severity{lint.Error},
		Reasons:  []string{meshtlsv1alpha1.ReasonConflicted},
		Finds: "a `send` of single pods because of which the namespace's other pods would lose the DestinationRule that they have, where " +
			"no copy of it can stand beside ours. The entry is not rendered.",
		Why: "In a namespace with any rule for the host Istio looks no further. Elsewhere the operator writes that copy, the " +
			"[companion](spec.md#the-companion). Where the entry is in force already and the other pods came later, it stays, and the " +
			"condition that falls is `Effective`.",
		Fix: "Send from the whole namespace instead, or give each of the other pods a policy that sends to the host.",
	},
	{
		Name:     "send-base-without-credential",
		Severity: []lint.Severity{lint.Warning},
		Finds: "a port or a subset for which the policy sets no mode, and for which its DestinationRule starts from one " +
			"with a `credentialName` and no `workloadSelector`.",
		Why: "Istio gives sidecars no Secret for such a rule, and they send plaintext. Copied into a rule with a selector, the name would make " +
			"them ask for a Secret that they may not have; so what is written says `DISABLE`, which is what they did before.",
		Fix: "Set a mode for the host, with the `credentialName` of a Secret of the namespace.",
	},
	{
		Name:     "send-auto-port-of-wildcard",
		Severity: []lint.Severity{lint.Error},
		Reasons:  []string{meshtlsv1alpha1.ReasonUnsupported},
		Finds:    "`Auto` on one port of a wildcard whose destination has another mode. The port's entry is not rendered.",
		Why: "For a port without `tls` Istio asks the destination level whether endpoints speak mutual TLS, and would send " +
			"plaintext. With a name the operator moves that level to the other ports instead; of a wildcard it does not know " +
			"them.",
		Fix: "Name the hosts, or give the port a mode.",
	},
	{
		Name:     "send-clients-all-not-permitted",
		Severity: []lint.Severity{lint.Error},
		Reasons:  []string{meshtlsv1alpha1.ReasonNotPermitted},
		Finds:    "`clients: All` for a host of another namespace. The entry is not rendered.",
		Why:      "It would steer the traffic of others to somebody else's service.",
		Fix:      "Leave `clients` out, or declare it where the host lives or in the root namespace.",
	},
	{
		Name:     "send-gateway-elsewhere",
		Severity: []lint.Severity{lint.Error},
		Reasons:  []string{meshtlsv1alpha1.ReasonUnsupported},
		Finds:    "`send` with a gateway target whose pods run in other namespaces only. The entry is not rendered.",
		Why:      "A DestinationRule with a workload selector reaches pods of its own namespace.",
		Fix:      "Move `send` to a policy of that namespace.",
	},
	{
		Name:     "send-configmap-elsewhere",
		Severity: []lint.Severity{lint.Error},
		Reasons:  []string{meshtlsv1alpha1.ReasonUnsupported},
		Finds: "`credentialName: configmap://…` with a ConfigMap of another namespace than the policy's. The entry is not " +
			"rendered.",
		Why: "Istio takes it from the DestinationRule's own namespace only, and that is the policy's.",
		Fix: "Copy the ConfigMap to the policy's namespace, or give the CA by `caCertificates`.",
	},
	{
		Name:     "gateway-field-of-newer-istio",
		Severity: []lint.Severity{lint.Error},
		Reasons:  []string{meshtlsv1alpha1.ReasonUnsupported},
		Finds: "`ecdhCurves`, `alpnProtocols`, `profile: PostQuantum`, `caCertCredentialName` or `credentialNames` of `terminate` on a mesh " +
			"whose CRD for Gateways does not have the field that it becomes. The server is not rendered.",
		Why: "The API server drops fields that the CRD does not have, and the gateway would serve something else than the policy says.",
		Fix: "Remove the field, or upgrade Istio with its CRDs; the message says to which version.",
	},
	{
		Name:     "gateway-served-by-listeners",
		Severity: []lint.Severity{lint.Error},
		Reasons:  []string{meshtlsv1alpha1.ReasonUnsupported},
		Finds:    "`terminate`, `passthrough` or `plaintext` of a policy whose target is a Kubernetes Gateway. It is not rendered.",
		Why: "Such a Gateway's listeners say what its pods serve ([what is read of it](gateway-api.md)). The operator writes into no object " +
			"of others, and a second Gateway for the same pods would contradict the first.",
		Fix: "Set the listener's field that the message names. `send` works.",
	},
	{
		Name:     "gateway-host-conflict",
		Severity: []lint.Severity{lint.Error},
		Reasons:  []string{meshtlsv1alpha1.ReasonConflicted},
		Finds: "a server with a host that an older policy of the namespace, or an earlier entry, serves with TLS on the same " +
			"port, bind and pods. It is not rendered.",
		Why: "Istio drops the second server, with all its hosts.",
		Fix: "Keep the host in one server, or use another port or bind.",
	},
	{
		Name:     "gateway-redirect-conflict",
		Severity: []lint.Severity{lint.Error},
		Reasons:  []string{meshtlsv1alpha1.ReasonConflicted},
		Finds: "two plaintext servers of one host of which one redirects to https and the other does not. The younger is not " +
			"rendered.",
		Why: "Istio redirects a host as soon as one of its servers says so.",
		Fix: "Keep the host in one server, or use another port or bind.",
	},
	{
		Name:     "gateway-protocol-conflict",
		Severity: []lint.Severity{lint.Error},
		Reasons:  []string{meshtlsv1alpha1.ReasonConflicted},
		Finds: "a server on a port and bind where an older one speaks what excludes it: HTTP, TLS and raw TCP do not mix, and " +
			"raw TCP stands alone. It is not rendered.",
		Why: "Istio drops the younger one, or Envoy refuses the listener.",
		Fix: "Use another port or bind.",
	},
	{
		Name:     "gateway-service-labels-elsewhere",
		Severity: []lint.Severity{lint.Warning},
		Finds:    "a `gateway.service` whose labels pods of other namespaces have, too.",
		Why: "An Istio Gateway selects pods of any namespace: the servers also open at gateways that the Service has nothing " +
			"to do with.",
		Fix: "Give the gateway a label of its own, and the Service a selector with it.",
	},
}
