package model

import (
	networkingapi "istio.io/api/networking/v1alpha3"
	"k8s.io/apimachinery/pkg/types"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// Plan is what is to be rendered for a namespace, and what there is to say about its policies.
type Plan struct {
	Namespace string
	// MeshWide: the namespace is Istio's root namespace, whose policies are the mesh's.
	MeshWide bool
	Accepts  []AcceptRule
	Sends    []SendRule
	Gateways []GatewayRule
	Audits   []AuditRule
	// Policies has one entry for each policy of the snapshot, in order of precedence: oldest first, then by name.
	Policies []Outcome
}

// Owner is a policy that contributes to a rule.
type Owner struct {
	Name string
	UID  types.UID
}

// AcceptRule becomes one PeerAuthentication.
type AcceptRule struct {
	// Revision is the istio.io/rev label of the contributing policies; empty: none.
	Revision string
	// Selector are the pods' labels; empty: the whole namespace.
	Selector map[string]string
	// AcceptSettings are those of the workload; their mode is Inherit where no policy sets one.
	AcceptSettings
	// Ports are the exceptions, ascending by port, none of them Inherit.
	Ports []PortAccept
	// Owners are the contributing policies, in order of precedence.
	Owners []Owner
}

// AcceptSettings are what a workload, or one of its ports, accepts.
type AcceptSettings struct {
	Mode meshtlsv1alpha1.AcceptMode
}

// PortAccept is what a workload port accepts.
type PortAccept struct {
	Port int32
	AcceptSettings
}

// PortMode returns the mode that the rule gives to a workload port: the port's own, else the workload's.
func (r AcceptRule) PortMode(port int32) meshtlsv1alpha1.AcceptMode {
	for _, p := range r.Ports {
		if p.Port == port {
			return p.Mode
		}
	}
	return r.Mode
}

// Audience is whose traffic a DestinationRule governs.
type Audience string

const (
	// AudienceWorkload: the pods of a selector (workloadSelector).
	AudienceWorkload Audience = "Workload"
	// AudienceNamespace: the namespace's pods.
	AudienceNamespace Audience = "Namespace"
	// AudienceAll: every client.
	AudienceAll Audience = "All"
)

// SendRule becomes one DestinationRule.
type SendRule struct {
	Revision string
	// Host is fully qualified, or a left-most wildcard.
	Host     string
	Audience Audience
	// Selector are the labels of the client pods with AudienceWorkload; else empty.
	Selector map[string]string
	// ExportTo are the namespaces whose clients may use the rule; empty: Istio's default for the mesh, everybody.
	ExportTo []string
	// Companion says that no policy asks for the rule: it gives the namespace's other pods back what a rule for single ones takes.
	Companion bool
	// Base is what the rule starts from: the DestinationRule that would govern these clients' traffic to the host without it. Only
	// TLS is changed, at every level. Nil: there is none.
	Base *networkingapi.DestinationRule
	// HostPorts are the destination's port numbers, ascending; empty: not known.
	HostPorts []int32
	// TLS is the destination level; its Mode is empty where nothing was said, Auto where Istio decides.
	TLS meshtlsv1alpha1.ClientTLS
	// Ports are the exceptions, ascending by port.
	Ports  []PortTLS
	Owners []Owner
}

// PortTLS is the TLS that is sent to a port of a destination.
type PortTLS struct {
	Port int32
	TLS  meshtlsv1alpha1.ClientTLS
}

// GatewayRule becomes one Gateway.
type GatewayRule struct {
	Revision string
	// Policy is the name of the policy: there is one Gateway for each.
	Policy   string
	Selector map[string]string
	// Servers are ordered by port, then as the spec lists them.
	Servers []Server
	Owners  []Owner
}

// Server is a server of a Gateway. Exactly one of Terminate, Passthrough, Plaintext is set.
type Server struct {
	// PortName is unique within the Gateway.
	PortName string
	// ProfileCurves says that the mesh's Gateways have curves, so that a profile's are written.
	ProfileCurves bool
	Terminate     *meshtlsv1alpha1.Terminate
	Passthrough   *meshtlsv1alpha1.Passthrough
	Plaintext     *meshtlsv1alpha1.Plaintext
}

// AuditRule becomes one AuthorizationPolicy in dry-run: the sidecars count at each HTTP port what Strict would refuse, and refuse nothing.
type AuditRule struct {
	Revision string
	// Selector are the pods' labels; never empty.
	Selector map[string]string
	// Ports are those that are counted at, ascending; never empty.
	Ports  []int32
	Owners []Owner
}

// Outcome is what becomes of one policy.
type Outcome struct {
	Policy     types.NamespacedName
	UID        types.UID
	Generation int64
	// Selector are the labels of the target's pods; empty where the target is a namespace or the mesh, or Unresolved.
	Selector map[string]string
	// Target, and each of Accepts, Sends and Serves, are words of the status.
	Target      string
	Accepts     []string
	Sends       []string
	Serves      []string
	AcceptPorts []meshtlsv1alpha1.AcceptPortStatus
	// Rollout is how far the policy's rollout has come, and RolloutStalled says that it goes on only if somebody acts; nil: it has none.
	Rollout        *meshtlsv1alpha1.RolloutStatus
	RolloutStalled bool
	// Asked is the number of entries that the spec has (a mode, a port, a host, a server), and Accepted the number of those that the
	// plan holds, or could hold once a reference resolves.
	Asked    int
	Accepted int
	// Unresolved says that the target could not be found out (its Service is missing): what an earlier plan wrote for the policy
	// must stay, since taking it away could loosen what the user asked for.
	Unresolved bool
	// InTransit says that the plan holds a step on the way to what the policy accepts: see Snapshot.Stepwise.
	InTransit bool
	// Objects are the objects that the policy contributes to. Compile adds them once they are rendered, and to the findings of the
	// plan those of the checks.
	Objects  []meshtlsv1alpha1.ObjectReference
	Findings []Finding
}
