package translate

import (
	"maps"
	"slices"
	"strings"

	securityapi "istio.io/api/security/v1beta1"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// exportToOwn is the exportTo of a rule that stays in its namespace.
const exportToOwn = "."

// sendMesh is the mesh that the namespace's policies find for what they send. Its views hold what the namespace as a whole will accept,
// and no DestinationRule that the operator wrote in the namespace.
type sendMesh struct {
	indexed
	// foreign are the namespace's foreign DestinationRules, by host.
	foreign map[string][]*istionetworkingv1.DestinationRule
	// foreignSelecting are those of them that are for single pods.
	foreignSelecting []*istionetworkingv1.DestinationRule
	// live are the sets for which a rule of ours is live.
	live sets.Set[sendSet]
	// gateways are the pods that policies name as those of a gateway.
	gateways sets.Set[pods.Set]
}

func newSendMesh(m indexed, policies []policyTarget, accepted []model.AcceptRule) sendMesh {
	s := sendMesh{
		indexed: m, foreign: map[string][]*istionetworkingv1.DestinationRule{}, live: sets.New[sendSet](), gateways: sets.New[pods.Set](),
	}
	for i := range policies {
		if policies[i].target.scope == scopeGateway {
			s.gateways.Insert(policies[i].set)
		}
	}
	objects := model.Objects{PeerAuthentications: acceptedBy(m.Snapshot, accepted)}
	for _, rule := range m.DestinationRules {
		host := m.domain().Qualify(rule.Spec.GetHost(), rule.Namespace)
		if rule.Namespace == m.Namespace && model.Ours(rule) {
			s.live.Insert(liveSet(rule, host))
			continue
		}
		objects.DestinationRules = append(objects.DestinationRules, rule)
		if rule.Namespace == m.Namespace {
			s.foreign[host] = append(s.foreign[host], rule)
		}
		if rule.Namespace == m.Namespace && isSelecting(rule) {
			s.foreignSelecting = append(s.foreignSelecting, rule)
		}
	}
	for _, rules := range s.foreign {
		slices.SortFunc(rules, func(a, b *istionetworkingv1.DestinationRule) int { return strings.Compare(a.Name, b.Name) })
	}
	slices.SortFunc(s.foreignSelecting, func(a, b *istionetworkingv1.DestinationRule) int { return strings.Compare(a.Name, b.Name) })
	s.views = m.views.With(objects)
	return s
}

// liveSet returns what a live rule of ours governs.
func liveSet(rule *istionetworkingv1.DestinationRule, host string) sendSet {
	return sendSet{
		revision: rule.Labels[meshtlsv1alpha1.LabelRevision], host: host, pods: pods.SetOf(rule.Spec.GetWorkloadSelector().GetMatchLabels()),
	}
}

// acceptedBy returns the PeerAuthentications of whole namespaces, with the planned ones in place of ours in the namespace: clients ask no
// others.
func acceptedBy(s model.Snapshot, planned []model.AcceptRule) []*istiosecurityv1.PeerAuthentication {
	var all []*istiosecurityv1.PeerAuthentication
	for _, pa := range s.PeerAuthentications {
		if replaced := model.Ours(pa) && pa.Namespace == s.Namespace; !replaced && pa.Spec.GetSelector() == nil {
			all = append(all, pa)
		}
	}
	for _, rule := range planned {
		if len(rule.Selector) == 0 {
			all = append(all, asPeerAuthentication(s, rule))
		}
	}
	return all
}

// asPeerAuthentication returns the planned rule of the namespace, as old as the live object that it will update: age is priority in Istio.
func asPeerAuthentication(s model.Snapshot, rule model.AcceptRule) *istiosecurityv1.PeerAuthentication {
	pa := &istiosecurityv1.PeerAuthentication{ObjectMeta: metav1.ObjectMeta{
		Namespace: s.Namespace, Name: "planned", CreationTimestamp: istio.Unborn,
	}}
	if rule.Revision != "" {
		pa.Labels = map[string]string{meshtlsv1alpha1.LabelRevision: rule.Revision}
	}
	pa.Spec.Mtls = &securityapi.PeerAuthentication_MutualTLS{Mode: istioModes[rule.Mode]}
	if live := liveOf(s, rule); live != nil {
		pa.Name, pa.CreationTimestamp = live.Name, live.CreationTimestamp
	}
	return pa
}

// liveOf returns our PeerAuthentication for the rule's pods; nil: there is none.
func liveOf(s model.Snapshot, rule model.AcceptRule) *istiosecurityv1.PeerAuthentication {
	for _, pa := range s.Live().PeerAuthentications {
		if model.Ours(pa) && pa.Labels[meshtlsv1alpha1.LabelRevision] == rule.Revision &&
			maps.Equal(pa.Spec.GetSelector().GetMatchLabels(), rule.Selector) {
			return pa
		}
	}
	return nil
}

var istioModes = map[meshtlsv1alpha1.AcceptMode]securityapi.PeerAuthentication_MutualTLS_Mode{
	meshtlsv1alpha1.AcceptStrict:     securityapi.PeerAuthentication_MutualTLS_STRICT,
	meshtlsv1alpha1.AcceptPermissive: securityapi.PeerAuthentication_MutualTLS_PERMISSIVE,
	meshtlsv1alpha1.AcceptDisable:    securityapi.PeerAuthentication_MutualTLS_DISABLE,
}

// namespaceMode returns what a workload of the namespace accepts where no policy is about it, to the control plane of the revision.
func (m sendMesh) namespaceMode(revision string) meshtlsv1alpha1.AcceptMode {
	return namespaceMode(m.views, revision, m.Namespace)
}

func namespaceMode(views *mesh.Views, revision, namespace string) meshtlsv1alpha1.AcceptMode {
	return views.Of(revision).Accept(mesh.Anybody(namespace)).Workload.Mode
}

// foreignFor returns the foreign rules that keep one of ours from being written. Where ours is live already it stays: it is the older
// one and in force, and to take it away because of a younger one would loosen what the policy asks for.
func (m sendMesh) foreignFor(set sendSet) []*istionetworkingv1.DestinationRule {
	if m.live.Has(set) {
		return nil
	}
	return m.foreignOf(set.hostKey())
}

// foreignOf returns the namespace's foreign rules for exactly this host, as the control plane of the revision reads them, by name.
func (m sendMesh) foreignOf(key hostKey) []*istionetworkingv1.DestinationRule {
	return model.OfRevision(m.foreign[key.host], key.revision)
}

func isWide(rule *istionetworkingv1.DestinationRule) bool {
	return rule.Spec.GetWorkloadSelector() == nil
}

func isSelecting(rule *istionetworkingv1.DestinationRule) bool { return !isWide(rule) }

func (m sendMesh) exportToOf(rule *istionetworkingv1.DestinationRule) []string {
	if own := rule.Spec.GetExportTo(); len(own) > 0 {
		return own
	}
	return m.Mesh.DefaultDestinationRuleExportTo
}

// isPrivate reports whether no other namespace may use the rule.
func (m sendMesh) isPrivate(rule *istionetworkingv1.DestinationRule) bool {
	exportTo := m.exportToOf(rule)
	return len(exportTo) == 1 && (exportTo[0] == exportToOwn || exportTo[0] == rule.Namespace)
}

// isForEverybody reports whether every namespace may use the rule.
func (m sendMesh) isForEverybody(rule *istionetworkingv1.DestinationRule) bool {
	exportTo := m.exportToOf(rule)
	return len(exportTo) == 0 || slices.Contains(exportTo, "*")
}

// everybody returns the exportTo of a rule that every namespace may use: none, unless the mesh's default says otherwise.
func (m sendMesh) everybody() []string {
	if len(m.Mesh.DefaultDestinationRuleExportTo) == 0 {
		return nil
	}
	return []string{"*"}
}

// known returns the hosts that the namespace's clients see, by name.
func (m sendMesh) known(revision string) map[string]model.Host {
	return m.views.Of(revision).Known(m.Namespace)
}

// host returns the destination, as far as it is known.
func (m sendMesh) host(key hostKey) model.Host {
	if host, known := m.known(key.revision)[key.host]; known {
		return host
	}
	namespace, _, _ := m.domain().Service(key.host)
	return model.Host{Name: key.host, Namespace: namespace}
}

// ownHost reports whether the host is the compiled namespace's: by its name, or because a ServiceEntry of the namespace declares it.
func (m sendMesh) ownHost(key hostKey) bool {
	return m.domain().Belongs(key.host, m.Namespace) || m.host(key).Namespace == m.Namespace
}

// noExport says why a rule of this namespace for the host may not be exported if it is meant for the namespace's own clients only;
// empty: it may, since Istio looks for the host's rule in the namespaces of the client, the host and the root, and nowhere else.
// Source: istio pilot/pkg/model/push_context.go, destinationRule.
func (m sendMesh) noExport(key hostKey) string {
	switch {
	case m.Namespace == m.Mesh.RootNamespace:
		return "the namespace is Istio's root"
	case m.ownHost(key), m.coversOwn(key):
		return "the host belongs to this namespace"
	default:
		return ""
	}
}

// coversOwn reports whether the host is a wildcard that covers hosts of this namespace.
func (m sendMesh) coversOwn(key hostKey) bool {
	if !hosts.IsWildcard(key.host) {
		return false
	}
	if hosts.Covers(key.host, m.domain().OfService(m.Namespace, "any")) {
		return true
	}
	for name, host := range m.known(key.revision) {
		if host.Namespace == m.Namespace && hosts.Covers(key.host, name) {
			return true
		}
	}
	return false
}

// decided returns what Auto comes to: nothing is rendered and Istio decides per endpoint, except where auto mTLS is off in the mesh. Then
// Istio would send plaintext, and hosts of the mesh are given ISTIO_MUTUAL.
// Source: istio pilot/pkg/networking/core/cluster_tls.go, buildUpstreamTLSSettings.
func (m sendMesh) decided(tls meshtlsv1alpha1.ClientTLS, key hostKey) meshtlsv1alpha1.ClientTLS {
	if tls.Mode != meshtlsv1alpha1.SendAuto || m.Mesh.AutoMTLS || !m.isInMesh(key) {
		return tls
	}
	return meshtlsv1alpha1.ClientTLS{Mode: meshtlsv1alpha1.SendIstioMutual}
}

// isInMesh reports whether the host, or all that a wildcard covers, is known and in the mesh.
func (m sendMesh) isInMesh(key hostKey) bool {
	all := m.known(key.revision)
	if declared, known := all[key.host]; known || !hosts.IsWildcard(key.host) {
		return known && !declared.External
	}
	covered, outside := false, false
	for name, declared := range all {
		if hosts.Covers(key.host, name) {
			covered, outside = true, outside || declared.External
		}
	}
	return covered && !outside
}
