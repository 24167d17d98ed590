package lint

import (
	"fmt"
	"slices"
	"strings"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

// destinationRuleSubsetNotRouted tells of subsets with TLS that no route names: the TLS of a subset is used by those whom a route sends
// there. It needs to see some routes, and no gateway that takes subsets from the names in TLS, as the ones between clusters do.
// Source: istio pilot/pkg/networking/core/route/route.go, GetDestinationCluster.
func destinationRuleSubsetNotRouted(v *view) []model.Finding {
	if v.Partial || len(v.VirtualServices) == 0 || slices.ContainsFunc(v.Gateways, takesSubsetsFromNames) {
		return nil
	}
	t := v.traffic()
	var findings []model.Finding
	for _, rule := range v.DestinationRules {
		for i, subset := range rule.Spec.Subsets {
			if !saysTLS(subset.TrafficPolicy) || t.routing.names(hostOf(rule), subset.Name) {
				continue
			}
			f := about(meshtlsv1alpha1.SeverityWarning, model.KindDestinationRule, rule, fmt.Sprintf("spec.subsets[%d].trafficPolicy", i))
			f.Message = fmt.Sprintf("The TLS of subset %s is used by nobody: no VirtualService sends to it.", subset.Name)
			f.Remedy = "Route to the subset, or move its tls to spec.trafficPolicy if it is meant for all calls of the host."
			findings = append(findings, f)
		}
	}
	return findings
}

func takesSubsetsFromNames(gateway *istionetworkingv1.Gateway) bool {
	return slices.ContainsFunc(gateway.Spec.Servers, func(s *networkingapi.Server) bool {
		return s.GetTls().GetMode() == networkingapi.ServerTLSSettings_AUTO_PASSTHROUGH
	})
}

// names says whether a route names the subset of the host, or of one that it covers.
func (r routing) names(host, subset string) bool {
	if !hosts.IsWildcard(host) {
		return r.named[host].Has(subset)
	}
	for name, subsets := range r.named {
		if subsets.Has(subset) && hosts.Covers(host, name) {
			return true
		}
	}
	return false
}

// destinationRuleSubsetWithoutPods tells of subsets that calls are routed to and whose labels no pod behind the host has.
// Source: istio pilot/pkg/xds/endpoints/endpoint_builder.go, BuildClusterLoadAssignment.
func destinationRuleSubsetWithoutPods(v *view) []model.Finding {
	if v.Partial {
		return nil
	}
	t := v.traffic()
	var findings []model.Finding
	for _, rule := range v.DestinationRules {
		for i, subset := range rule.Spec.Subsets {
			d := t.without(rule, subset)
			if d == nil {
				continue
			}
			f := about(meshtlsv1alpha1.SeverityError, model.KindDestinationRule, rule, fmt.Sprintf("spec.subsets[%d].labels", i))
			f.Message = fmt.Sprintf("No pod behind %s has the labels of subset %s, and calls are routed to it: they fail.", d, subset.Name)
			f.Remedy = "Correct the labels, or route to another subset."
			findings = append(findings, f)
		}
	}
	return findings
}

// without is the Service whose pods, of which there are some, do not include any of the subset, if something is sent there.
func (t traffic) without(rule *istionetworkingv1.DestinationRule, subset *networkingapi.Subset) *destinations.Destination {
	host := hostOf(rule)
	if hosts.IsWildcard(host) || len(subset.Labels) == 0 || !t.routing.live(host, subset.Name) || givenByIstio(subset.Labels) {
		return nil
	}
	for _, d := range t.called(host) {
		behind := t.backends(d)
		if d.Service == nil || len(behind) == 0 || t.hasEntryWith(d, subset.Labels) {
			return nil
		}
		if !slices.ContainsFunc(behind, func(w model.Workload) bool { return pods.Matches(subset.Labels, w.Labels) }) {
			return d
		}
	}
	return nil
}

// hasEntryWith says whether a WorkloadEntry is behind the Service and has the labels.
func (v *view) hasEntryWith(d *destinations.Destination, labels map[string]string) bool {
	return slices.ContainsFunc(v.WorkloadEntries, func(entry *istionetworkingv1.WorkloadEntry) bool {
		return entry.Namespace == d.Namespace && pods.Matches(d.Service.Selector, entry.Spec.Labels) && pods.Matches(labels, entry.Spec.Labels)
	})
}

// givenByIstio says whether there are labels that endpoints have and their pods need not: those of where they run.
// Source: istio pilot/pkg/serviceregistry/util/label/label.go, AugmentLabels.
func givenByIstio(labels map[string]string) bool {
	for key := range labels {
		domain, _, _ := strings.Cut(key, "/")
		if strings.HasSuffix(domain, "istio.io") || strings.HasPrefix(domain, "topology.") || key == "kubernetes.io/hostname" {
			return true
		}
	}
	return false
}
