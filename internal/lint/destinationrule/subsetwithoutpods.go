package destinationrule

import (
	"fmt"
	"slices"
	"strings"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "destinationrule-subset-without-pods",
			Severity: []lint.Severity{lint.Error},
			Classes:  []string{"M25"},
			Finds:    "a subset that calls are routed to with a weight, and whose labels none of the pods behind the Service has.",
			Why:      "There is nothing to send to: clients see a 503.",
			Fix:      "Correct the labels or the route.",
		},
		Find: subsetWithoutPods,
	})
}

// subsetWithoutPods tells of subsets that calls are routed to and whose labels no pod behind the host has.
// Source: istio pilot/pkg/xds/endpoints/endpoint_builder.go, BuildClusterLoadAssignment.
func subsetWithoutPods(v *mesh.View) []model.Finding {
	if v.Partial() {
		return nil
	}
	var findings []model.Finding
	for _, rule := range v.DestinationRules() {
		for i, subset := range rule.Spec.Subsets {
			d := without(v, rule, subset)
			if d == nil {
				continue
			}
			f := lint.Finding(lint.Error, model.KindDestinationRule, rule, fmt.Sprintf("spec.subsets[%d].labels", i))
			f.Message = fmt.Sprintf("No pod behind %s has the labels of subset %s, and calls are routed to it: they fail.", d, subset.Name)
			f.Remedy = "Correct the labels, or route to another subset."
			findings = append(findings, f)
		}
	}
	return findings
}

// without returns the Service that has pods but none of the subset, if something is sent there.
func without(v *mesh.View, rule *istionetworkingv1.DestinationRule, subset *networkingapi.Subset) *destinations.Destination {
	host := v.HostOf(rule)
	if hosts.IsWildcard(host) || len(subset.Labels) == 0 || !v.SubsetRouted(host, subset.Name) || givenByIstio(subset.Labels) {
		return nil
	}
	for _, d := range v.Destinations().Under(host) {
		behind := v.Behind(d)
		if d.Service == nil || len(behind) == 0 {
			return nil
		}
		if !slices.ContainsFunc(behind, func(w *model.Workload) bool { return pods.Matches(subset.Labels, w.Labels) }) {
			return d
		}
	}
	return nil
}

// givenByIstio reports whether there are labels that endpoints have and their pods need not: those of where they run.
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
