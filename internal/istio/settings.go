package istio

import (
	networkingapi "istio.io/api/networking/v1alpha3"
)

// Settings returns the trafficPolicy that holds for a port of the host, or of a subset of it; false: there is no such subset. A port's
// settings replace all of the destination's, and what a subset sets replaces what the destination has.
// Source: istio pilot/pkg/networking/util/util.go, MergeSubsetTrafficPolicy.
func (c Choice) Settings(subset string, port int32) (*networkingapi.TrafficPolicy, bool) {
	chosen, known := c.subset(subset)
	if !known {
		return nil, false
	}
	settings, _ := forPort(c.trafficPolicy(), port)
	if chosen.Rule == nil || chosen.policy() == nil {
		return settings, true
	}
	own, replaces := forPort(chosen.policy(), port)
	if c.trafficPolicy() == nil {
		return own, true
	}
	overlay(settings, own, replaces)
	return settings, true
}

// forPort returns what the policy says of the port, and whether it has settings of the port's own.
// Source: istio pilot/pkg/networking/util/util.go, GetPortLevelTrafficPolicy and shadowCopyPortTrafficPolicy.
func forPort(policy *networkingapi.TrafficPolicy, port int32) (settings *networkingapi.TrafficPolicy, own bool) {
	if at := portEntry(policy, port); at >= 0 {
		entry := policy.PortLevelSettings[at]
		return &networkingapi.TrafficPolicy{
			LoadBalancer: entry.LoadBalancer, ConnectionPool: entry.ConnectionPool,
			OutlierDetection: entry.OutlierDetection, Tls: entry.Tls,
		}, true
	}
	return &networkingapi.TrafficPolicy{
		LoadBalancer: policy.GetLoadBalancer(), ConnectionPool: policy.GetConnectionPool(),
		OutlierDetection: policy.GetOutlierDetection(), Tls: policy.GetTls(),
		Tunnel: policy.GetTunnel(), ProxyProtocol: policy.GetProxyProtocol(), RetryBudget: policy.GetRetryBudget(),
	}, false
}

// overlay lays what a subset sets over the destination's settings; one with settings of the port's own replaces what these can hold.
// Source: istio pilot/pkg/model/destination_rule.go, MergeTrafficPolicy.
func overlay(settings, own *networkingapi.TrafficPolicy, replaces bool) {
	settings.LoadBalancer = either(own.LoadBalancer, settings.LoadBalancer, replaces)
	settings.ConnectionPool = either(own.ConnectionPool, settings.ConnectionPool, replaces)
	settings.OutlierDetection = either(own.OutlierDetection, settings.OutlierDetection, replaces)
	settings.Tls = either(own.Tls, settings.Tls, replaces)
	settings.Tunnel = either(own.Tunnel, settings.Tunnel, false)
	settings.ProxyProtocol = either(own.ProxyProtocol, settings.ProxyProtocol, false)
	settings.RetryBudget = either(own.RetryBudget, settings.RetryBudget, false)
}

func either[T any](own, inherited *T, replaces bool) *T {
	if own != nil || replaces {
		return own
	}
	return inherited
}
