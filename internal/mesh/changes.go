package mesh

import (
	"slices"

	"google.golang.org/protobuf/proto"

	networkingapi "istio.io/api/networking/v1alpha3"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/model"
)

// Change is what differs in what a client does with a destination, between two views.
type Change struct {
	// TLS reports that another TLS is sent, to the destination or to one of its subsets.
	TLS bool
	// Settings reports that another load balancing, pool or outlier detection holds.
	Settings bool
	// Subsets are the subsets that the client can call no more.
	Subsets []string
}

// None reports whether nothing differs.
func (c Change) None() bool { return !c.TLS && !c.Settings && len(c.Subsets) == 0 }

// Changes compares what the client does with the destination under another view, by the DestinationRules that Istio chooses.
func (v *View) Changes(client istio.Client, under *View, d *destinations.Destination) Change {
	change := v.ChangesBesidesTLS(client, under, d)
	before, after := v.Rule(client, d.Host), under.Rule(client, d.Host)
	if slices.Equal(before.Rules, after.Rules) {
		return change
	}
	for _, subset := range kept(before, after) {
		for _, port := range d.Declared {
			change.TLS = change.TLS || !v.sameTLSAt(client, under, client, subsetCall(&model.Workload{}, d, port, subset))
		}
	}
	return change
}

// kept returns the subsets that both choices have, and the host itself.
func kept(before, after istio.Choice) []string {
	subsets := []string{""}
	for _, s := range before.Subsets {
		if _, has := after.Settings(s.Name, 0); has {
			subsets = append(subsets, s.Name)
		}
	}
	return subsets
}

// ChangesBesidesTLS is Changes without the TLS.
func (v *View) ChangesBesidesTLS(client istio.Client, under *View, d *destinations.Destination) Change {
	before, after := v.Rule(client, d.Host), under.Rule(client, d.Host)
	if slices.Equal(before.Rules, after.Rules) {
		return Change{}
	}
	var change Change
	for _, s := range before.Subsets {
		if _, has := after.Settings(s.Name, 0); !has {
			change.Subsets = append(change.Subsets, s.Name)
		}
	}
	for _, subset := range kept(before, after) {
		for _, port := range d.Declared {
			was, _ := before.Settings(subset, port.Number)
			is, _ := after.Settings(subset, port.Number)
			change.Settings = change.Settings || !proto.Equal(besidesTLS(was), besidesTLS(is))
		}
	}
	return change
}

// besidesTLS returns the policy without its TLS. A load balancer that is unspecified is none.
func besidesTLS(policy *networkingapi.TrafficPolicy) *networkingapi.TrafficPolicy {
	other := &networkingapi.TrafficPolicy{
		LoadBalancer: policy.LoadBalancer, ConnectionPool: policy.ConnectionPool, OutlierDetection: policy.OutlierDetection,
		Tunnel: policy.Tunnel, ProxyProtocol: policy.ProxyProtocol, RetryBudget: policy.RetryBudget,
	}
	if proto.Equal(other.LoadBalancer, unspecified) {
		other.LoadBalancer = nil
	}
	return other
}

var unspecified = &networkingapi.LoadBalancerSettings{
	LbPolicy: &networkingapi.LoadBalancerSettings_Simple{Simple: networkingapi.LoadBalancerSettings_UNSPECIFIED},
}
