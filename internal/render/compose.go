package render

import (
	"cmp"
	"slices"

	"google.golang.org/protobuf/proto"

	networkingapi "istio.io/api/networking/v1alpha3"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/verbatim"
)

type (
	trafficPolicy     = networkingapi.TrafficPolicy
	portTrafficPolicy = networkingapi.TrafficPolicy_PortTrafficPolicy
)

// composed returns the base of a rule with nothing changed but TLS, at every level where the base would have the last word: the
// destination, its ports, and the subsets that speak of TLS or of ports.
func composed(r *model.SendRule) (*trafficPolicy, []*networkingapi.Subset) {
	base := r.Base.GetTrafficPolicy()
	policy := withTLS(base, base, r)
	var subsets []*networkingapi.Subset
	for _, s := range r.Base.GetSubsets() {
		subset := proto.CloneOf(s)
		if speaksOfTLS(s.TrafficPolicy) {
			subset.TrafficPolicy = withTLS(s.TrafficPolicy, base, r)
		}
		subsets = append(subsets, subset)
	}
	return policy, subsets
}

// speaksOfTLS reports whether a subset's policy decides about TLS: by tls, or by an entry for a port, which stands for all settings of
// that port, those that it does not have included. A subset that does neither inherits the destination's TLS.
// Source: istio pilot/pkg/model/destination_rule.go, MergeTrafficPolicy.
func speaksOfTLS(policy *trafficPolicy) bool {
	return policy.GetTls() != nil || len(policy.GetPortLevelSettings()) > 0
}

// withTLS returns the policy with the rule's TLS. What a new port entry would take away from its port it takes along: from the policy,
// else from the destination's.
func withTLS(policy, destination *trafficPolicy, r *model.SendRule) *trafficPolicy {
	c := composition{policy: &trafficPolicy{}, destination: destination, written: policy}
	if policy != nil {
		c.policy = proto.CloneOf(policy)
	}
	if r.TLS.Mode != "" {
		c.setDestination(clientTLS(&r.TLS))
	}
	for i := range r.Ports {
		c.entry(r.Ports[i].Port).Tls = clientTLS(&r.Ports[i].TLS)
	}
	c.spreadOver(r)
	return c.result()
}

// composition is a traffic policy in the making.
type composition struct {
	policy      *trafficPolicy
	destination *trafficPolicy
	// written is the policy before.
	written *trafficPolicy
}

// setDestination sets the destination level and every entry for a port: one without tls would drop the destination's.
// Source: istio pilot/pkg/networking/util/util.go, GetPortLevelTrafficPolicy.
func (c composition) setDestination(tls *networkingapi.ClientTLSSettings) {
	c.policy.Tls = tls
	for _, entry := range c.policy.PortLevelSettings {
		entry.Tls = tls
	}
}

// entry returns the one for the port. A new one starts from what held for the port so far, since it stands for all of its settings.
func (c composition) entry(port int32) *portTrafficPolicy {
	if found := findEntry(c.policy, port); found != nil {
		return found
	}
	added := &portTrafficPolicy{
		Port:             &networkingapi.PortSelector{Number: portNumber(port)},
		LoadBalancer:     c.policy.LoadBalancer,
		ConnectionPool:   c.policy.ConnectionPool,
		OutlierDetection: c.policy.OutlierDetection,
		Tls:              c.policy.Tls,
	}
	c.inherit(added, port)
	c.policy.PortLevelSettings = append(c.policy.PortLevelSettings, added)
	return added
}

// inherit fills what the policy itself says nothing of from the destination's settings for the port.
func (c composition) inherit(added *portTrafficPolicy, port int32) {
	from := &portTrafficPolicy{
		LoadBalancer:     c.destination.GetLoadBalancer(),
		ConnectionPool:   c.destination.GetConnectionPool(),
		OutlierDetection: c.destination.GetOutlierDetection(),
	}
	if found := findEntry(c.destination, port); found != nil {
		from = found
		verbatim.Copy(found, added)
	}
	if added.LoadBalancer == nil {
		added.LoadBalancer = from.LoadBalancer
	}
	if added.ConnectionPool == nil {
		added.ConnectionPool = from.ConnectionPool
	}
	if added.OutlierDetection == nil {
		added.OutlierDetection = from.OutlierDetection
	}
}

func findEntry(policy *trafficPolicy, port int32) *portTrafficPolicy {
	for _, entry := range policy.GetPortLevelSettings() {
		if entry.GetPort().GetNumber() == portNumber(port) {
			return entry
		}
	}
	return nil
}

// spreadOver writes the destination's TLS at each port instead, where a port is left to Istio: for one without tls Istio would ask
// the destination level whether its endpoints speak mutual TLS, and send plaintext.
// Source: istio pilot/pkg/xds/endpoints/mtls_checker.go, trafficPolicyTLSModeForPort.
func (c composition) spreadOver(r *model.SendRule) {
	leavesToIstio := func(p model.PortTLS) bool { return p.TLS.Mode == meshtlsv1alpha1.SendAuto }
	if c.policy.Tls == nil || len(r.HostPorts) == 0 || !slices.ContainsFunc(r.Ports, leavesToIstio) {
		return
	}
	for _, port := range r.HostPorts {
		c.entry(port)
	}
	c.policy.Tls = nil
}

// result returns the policy with its ports in order; nil where nothing is left. An empty entry that nobody had written goes, unless it
// keeps the destination's TLS from its port. One that the base has stays: it keeps all settings of the destination from its port.
func (c composition) result() *trafficPolicy {
	c.policy.PortLevelSettings = slices.DeleteFunc(c.policy.PortLevelSettings, func(p *portTrafficPolicy) bool {
		number := int32(p.GetPort().GetNumber()) // #nosec G115 -- the CRD admits no number above 65535
		return isEmpty(p) && c.policy.Tls == nil && findEntry(c.written, number) == nil
	})
	for _, entry := range c.policy.PortLevelSettings {
		if isEmpty(entry) {
			entry.LoadBalancer = unspecifiedLoadBalancer()
		}
	}
	slices.SortStableFunc(c.policy.PortLevelSettings, func(a, b *portTrafficPolicy) int {
		return cmp.Compare(a.GetPort().GetNumber(), b.GetPort().GetNumber())
	})
	if proto.Size(c.policy) == 0 {
		return nil
	}
	return c.policy
}

func isEmpty(p *portTrafficPolicy) bool {
	return p.Tls == nil && p.LoadBalancer == nil && p.ConnectionPool == nil && p.OutlierDetection == nil && !verbatim.Has(p)
}

// unspecifiedLoadBalancer returns what a port has anyhow: Istio refuses an entry that says nothing at all.
// Source: istio pkg/config/validation/validation.go, validatePortTrafficPolicies.
func unspecifiedLoadBalancer() *networkingapi.LoadBalancerSettings {
	return &networkingapi.LoadBalancerSettings{
		LbPolicy: &networkingapi.LoadBalancerSettings_Simple{Simple: networkingapi.LoadBalancerSettings_UNSPECIFIED},
	}
}
