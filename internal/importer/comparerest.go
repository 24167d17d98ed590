package importer

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"
	"k8s.io/apimachinery/pkg/util/sets"

	networkingapi "istio.io/api/networking/v1alpha3"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/model"
)

// rests compares what the rules say besides TLS, where a candidate promises that it stays: it has a rest. Of the others, it notes what
// they gain.
func (c *comparison) rests(client istio.Client, to *call, was, is istio.Choice) {
	refs := append(refsOf(was), refsOf(is)...)
	if sameBesides(was, is) {
		return
	}
	var promised []*candidate
	for _, each := range c.behind(model.KindDestinationRule, refs...) {
		if each.rest != nil {
			promised = append(promised, each)
		} else if len(is.Rules) > 0 {
			each.gains = true
		}
	}
	if len(promised) == 0 {
		return
	}
	c.blame(promised, model.KindDestinationRule, fmt.Sprintf("It says more than TLS, and as a policy with a DestinationRule for the rest it "+
		"would have another effect: for clients of %s and host %s that would not be the same.", namespaceWords(client), to.Host.Name))
}

// sameBesides reports whether two choices are the same but for TLS.
func sameBesides(a, b istio.Choice) bool {
	if !samePolicies(policyOf(a), policyOf(b)) || len(a.Subsets) != len(b.Subsets) {
		return false
	}
	for i, s := range a.Subsets {
		one, other := s.Rule.Spec.Subsets[s.Index], b.Subsets[i].Rule.Spec.Subsets[b.Subsets[i].Index]
		if one.GetName() != other.GetName() || selectorKey(one.GetLabels()) != selectorKey(other.GetLabels()) ||
			!samePolicies(one.GetTrafficPolicy(), other.GetTrafficPolicy()) {
			return false
		}
	}
	return true
}

func policyOf(choice istio.Choice) *networkingapi.TrafficPolicy {
	if choice.Policy == nil {
		return nil
	}
	return choice.Policy.Spec.GetTrafficPolicy()
}

// samePolicies compares the destination's settings and those of each port that either has an entry for: an entry stands for all
// settings of its port.
func samePolicies(a, b *networkingapi.TrafficPolicy) bool {
	if !proto.Equal(destinationOf(a), destinationOf(b)) {
		return false
	}
	ports := sets.New[uint32]()
	for _, entry := range append(slices.Clone(a.GetPortLevelSettings()), b.GetPortLevelSettings()...) {
		ports.Insert(entry.GetPort().GetNumber())
	}
	for port := range ports {
		if !proto.Equal(portOf(a, port), portOf(b, port)) {
			return false
		}
	}
	return true
}

// destinationOf returns the destination level without TLS.
func destinationOf(policy *networkingapi.TrafficPolicy) *networkingapi.TrafficPolicy {
	if policy == nil {
		return &networkingapi.TrafficPolicy{}
	}
	level := proto.CloneOf(policy)
	level.Tls, level.PortLevelSettings = nil, nil
	return level
}

// portOf returns the settings of a port without TLS. A load balancer that is unspecified is as good as none.
func portOf(policy *networkingapi.TrafficPolicy, port uint32) *networkingapi.TrafficPolicy_PortTrafficPolicy {
	level := &networkingapi.TrafficPolicy_PortTrafficPolicy{
		LoadBalancer: policy.GetLoadBalancer(), ConnectionPool: policy.GetConnectionPool(), OutlierDetection: policy.GetOutlierDetection(),
	}
	for _, entry := range policy.GetPortLevelSettings() {
		if entry.GetPort().GetNumber() == port {
			level = proto.CloneOf(entry)
			level.Tls, level.Port = nil, nil
			break
		}
	}
	if unspecified(level.GetLoadBalancer()) {
		level.LoadBalancer = nil
	}
	return level
}

func unspecified(balancer *networkingapi.LoadBalancerSettings) bool {
	return proto.Equal(balancer, &networkingapi.LoadBalancerSettings{
		LbPolicy: &networkingapi.LoadBalancerSettings_Simple{Simple: networkingapi.LoadBalancerSettings_UNSPECIFIED},
	})
}
