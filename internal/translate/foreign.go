package translate

import (
	"fmt"
	"maps"
	"slices"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/model"
)

// exportToOwn is the exportTo of a rule that stays in its namespace.
const exportToOwn = "."

// foreignRules are the DestinationRules that are not ours to write here: other people's in this namespace, and all of other
// namespaces, ours included.
type foreignRules struct {
	mesh      model.Mesh
	namespace string
	rules     []*istionetworkingv1.DestinationRule
	// byHost are those of this namespace, by host.
	byHost map[string][]*istionetworkingv1.DestinationRule
	// ours are the sets for which a rule of ours is live here.
	ours map[sendSet]bool
	// models are what the control plane of each revision makes of them, made when first asked for.
	models map[string]*istio.Model
}

func newForeignRules(s model.Snapshot) foreignRules {
	f := foreignRules{
		mesh: s.Mesh, namespace: s.Namespace,
		byHost: map[string][]*istionetworkingv1.DestinationRule{}, models: map[string]*istio.Model{},
		ours: map[sendSet]bool{},
	}
	for _, rule := range s.DestinationRules {
		if rule.Namespace != s.Namespace {
			f.rules = append(f.rules, rule)
			continue
		}
		host := hosts.Qualify(rule.Spec.GetHost(), rule.Namespace)
		if model.Ours(rule) {
			f.ours[liveSet(rule, host)] = true
			continue
		}
		f.rules = append(f.rules, rule)
		f.byHost[host] = append(f.byHost[host], rule)
	}
	return f
}

// liveSet is what a live rule of ours governs.
func liveSet(rule *istionetworkingv1.DestinationRule, host string) sendSet {
	return sendSet{
		revision: rule.Labels[meshtlsv1alpha1.LabelRevision], host: host, pods: podSetOf(rule.Spec.GetWorkloadSelector().GetMatchLabels()),
	}
}

// besides are the foreign rules that keep one of ours from being written. Where ours is live already it stays: it is the older one
// and in force, and to take it away because of a younger one would loosen what the policy asks for.
func (f foreignRules) besides(set sendSet) []*istionetworkingv1.DestinationRule {
	if f.ours[set] {
		return nil
	}
	return f.of(set)
}

// of are the namespace's foreign rules for exactly this host, as the control plane of the revision reads them, by name.
func (f foreignRules) of(set sendSet) []*istionetworkingv1.DestinationRule {
	var read []*istionetworkingv1.DestinationRule
	for _, rule := range f.byHost[set.host] {
		if model.InRevision(rule, set.revision) {
			read = append(read, rule)
		}
	}
	slices.SortFunc(read, func(a, b *istionetworkingv1.DestinationRule) int { return compareNames(a, b) })
	return read
}

func isWide(rule *istionetworkingv1.DestinationRule) bool {
	return rule.Spec.GetWorkloadSelector() == nil
}

// isPrivate says whether no other namespace may use the rule.
func (f foreignRules) isPrivate(rule *istionetworkingv1.DestinationRule) bool {
	exportTo := rule.Spec.GetExportTo()
	if len(exportTo) == 0 {
		exportTo = f.mesh.DefaultDestinationRuleExportTo
	}
	return len(exportTo) == 1 && (exportTo[0] == exportToOwn || exportTo[0] == rule.Namespace)
}

// isForEverybody says whether every namespace may use the rule.
func (f foreignRules) isForEverybody(rule *istionetworkingv1.DestinationRule) bool {
	exportTo := rule.Spec.GetExportTo()
	if len(exportTo) == 0 {
		exportTo = f.mesh.DefaultDestinationRuleExportTo
	}
	return len(exportTo) == 0 || slices.Contains(exportTo, "*")
}

// everybody is the exportTo of a rule that every namespace may use: none, unless the mesh's default says otherwise.
func (f foreignRules) everybody() []string {
	if len(f.mesh.DefaultDestinationRuleExportTo) == 0 {
		return nil
	}
	return []string{"*"}
}

// base finds what would govern the clients' traffic to the host if the rule were not there.
func (f foreignRules) base(rule model.SendRule, host model.Host) istio.Choice {
	client := istio.Client{Namespace: f.namespace, Labels: rule.Selector, Dataplane: model.DataplaneSidecar}
	if rule.Audience == model.AudienceAll {
		// Clients everywhere: those of a namespace that has no rules of its own.
		client.Namespace = ""
	}
	return f.model(rule.Revision).Rule(client, host)
}

func (f foreignRules) model(revision string) *istio.Model {
	if m, made := f.models[revision]; made {
		return m
	}
	var read []*istionetworkingv1.DestinationRule
	for _, rule := range f.rules {
		if model.InRevision(rule, revision) {
			read = append(read, rule)
		}
	}
	f.models[revision] = istio.New(istio.World{Mesh: f.mesh, DestinationRules: read})
	return f.models[revision]
}

// specOf is the choice as one rule: Istio may have merged several.
func specOf(choice istio.Choice) *networkingapi.DestinationRule {
	if len(choice.Rules) == 0 {
		return nil
	}
	spec := &networkingapi.DestinationRule{}
	if choice.Policy != nil {
		spec.TrafficPolicy = choice.Policy.Spec.GetTrafficPolicy()
	}
	for _, s := range choice.Subsets {
		spec.Subsets = append(spec.Subsets, s.Rule.Spec.GetSubsets()[s.Index])
	}
	return spec
}

// besideForeignWide refuses a rule without selector where somebody else has one for the same host: Istio uses only the older, and
// drops the trafficPolicy of the other.
// Source: istio pilot/pkg/model/destination_rule.go, mergeDestinationRule.
func (a *sendAsker) besideForeignWide(p policyTarget, field, host string) *model.Finding {
	for _, rule := range a.foreign.besides(a.setOf(p, host)) {
		if isWide(rule) {
			return at(p.MeshTLSPolicy, field).besideForeign(rule, "for the same clients, and Istio uses only the older of the two",
				"Set TLS there, delete it, or name a workload to send from: then the rule is taken as it is and only its TLS is changed.")
		}
	}
	return nil
}

// besideForeignSelector refuses a namespace-wide rule beside somebody else's for single workloads: Istio merges two private rules
// for one host, and the other pods would have none. Exported, the rule is kept; but that must not reach the whole mesh.
func (a *sendAsker) besideForeignSelector(p policyTarget, field, host string) *model.Finding {
	why := a.noExport(host)
	if why == "" {
		return nil
	}
	for _, rule := range a.foreign.besides(a.setOf(p, host)) {
		if !isWide(rule) {
			return at(p.MeshTLSPolicy, field).besideForeign(rule,
				"for some of the pods; beside it Istio keeps a rule for the namespace only if it is exported, "+
					"and since "+why+" it would then govern every client of the mesh",
				"Delete it, or say it for all clients (clients: All).")
		}
	}
	return nil
}

// besideForeignSame refuses a workload's rule where somebody else has one for the same pods, or a private one for the namespace,
// which Istio would merge into ours so that the other pods lost it.
func (a *sendAsker) besideForeignSame(p policyTarget, field, host string) *model.Finding {
	for _, rule := range a.foreign.besides(a.setOf(p, host)) {
		selector := rule.Spec.GetWorkloadSelector()
		switch {
		case selector != nil && maps.Equal(selector.GetMatchLabels(), p.target.selector):
			return at(p.MeshTLSPolicy, field).besideForeign(rule, "for the same pods, and Istio uses only the older of the two",
				"Set TLS there, or delete it.")
		case selector == nil && a.foreign.isPrivate(rule):
			return at(p.MeshTLSPolicy, field).besideForeign(rule,
				"as a private one for the namespace; Istio would merge it into a rule for single pods, "+
					"and the other pods would lose it",
				`Export it (exportTo ["*"] or a list of namespaces), set TLS there, or delete it.`)
		}
	}
	return nil
}

// besideForeign tells of somebody else's rule that ours would silence, or that would silence ours.
func (s spot) besideForeign(rule *istionetworkingv1.DestinationRule, how, remedy string) *model.Finding {
	f := s.lostTo(s.policy, "send-foreign-rule",
		fmt.Sprintf("DestinationRule %s/%s already stands for the host %s; it is left alone and this entry is not rendered.",
			rule.Namespace, rule.Name, how))
	f.Related = model.ObjectRef{Kind: model.KindDestinationRule, Namespace: rule.Namespace, Name: rule.Name}
	f.Remedy = remedy
	return &f
}
