package translate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/model"
)

// sendDenial says why a policy may not send to the entry's host in this way, whatever other entries say; nil: it may.
func sendDenial(m sendMesh, e *sendEntry) *model.Finding {
	switch e.audience {
	case model.AudienceAll:
		return firstOf(notOwnHost(m, e), besideForeignWide(m, e))
	case model.AudienceNamespace:
		return firstOf(besideForeignWide(m, e), besideForeignSelector(m, e))
	default:
		return firstOf(gatewayElsewhere(m, e), besideForeignSame(m, e))
	}
}

// autoBelowWildcard refuses to leave one port of a wildcard to Istio where the others are not: for an entry without tls Istio asks the
// destination level whether endpoints speak mutual TLS, and to move that level to the other ports their numbers must be known.
// Source: istio pilot/pkg/xds/endpoints/mtls_checker.go, trafficPolicyTLSModeForPort.
func autoBelowWildcard(at entryRef, send *meshtlsv1alpha1.Send, port meshtlsv1alpha1.SendPort) *model.Finding {
	wildcard := slices.ContainsFunc(send.Hosts, hosts.IsWildcard)
	if !wildcard || port.Mode != meshtlsv1alpha1.SendAuto || send.Mode == "" || send.Mode == meshtlsv1alpha1.SendAuto {
		return nil
	}
	return at.unsupported("send-auto-port-of-wildcard",
		fmt.Sprintf("Istio cannot be left to decide about port %d alone where a wildcard's other ports are sent %s: "+
			"it would send plaintext there.", port.Port, send.Mode),
		"Name the hosts one by one, or give the port a mode.")
}

// configMapScheme is how a credentialName names a ConfigMap, as configmap://namespace/name.
const configMapScheme = "configmap://"

// configMapElsewhere refuses a CA in a ConfigMap of another namespace: Istio takes it from the DestinationRule's own only.
// Source: istio pkg/config/validation/agent/validation.go, ValidateTLS.
func configMapElsewhere(at entryRef, tls meshtlsv1alpha1.ClientTLS) *model.Finding {
	name, isConfigMap := strings.CutPrefix(tls.CredentialName, configMapScheme)
	if !isConfigMap || strings.HasPrefix(name, at.policy.Namespace+"/") {
		return nil
	}
	return at.unsupported("send-configmap-elsewhere",
		fmt.Sprintf("credentialName names ConfigMap %s, and Istio takes one of the DestinationRule's own namespace, %s, only.",
			name, at.policy.Namespace),
		"Copy the ConfigMap to this namespace, or give the CA by caCertificates.")
}

// notOwnHost refuses to decide for everybody about a host that belongs to another namespace: no tenant steers another's traffic.
func notOwnHost(m sendMesh, e *sendEntry) *model.Finding {
	if m.Namespace == m.Mesh.RootNamespace || m.ownHost(e.set.hostKey()) {
		return nil
	}
	f := e.unsupported("send-clients-all-not-permitted",
		fmt.Sprintf("%s does not belong to namespace %s, so a policy of that namespace may not decide what all clients send to it.",
			e.set.host, m.Namespace),
		"Leave clients out to govern the namespace's own clients, or declare it where the host lives or in the root namespace.")
	f.Reason = meshtlsv1alpha1.ReasonNotPermitted
	return f
}

// gatewayElsewhere refuses a rule that would not reach the gateway's pods: a DestinationRule's workload selector selects only in
// its own namespace.
// Source: istio api networking/v1alpha3/destination_rule.proto, workload_selector.
func gatewayElsewhere(m sendMesh, e *sendEntry) *model.Finding {
	if e.policy.target.scope != scopeGateway || !e.policy.target.resolved() {
		return nil
	}
	var elsewhere []string
	for _, w := range m.view(e.policy).GatewayPods(e.policy.target.selector) {
		if w.Namespace == m.Namespace {
			return nil
		}
		elsewhere = append(elsewhere, w.Namespace)
	}
	if len(elsewhere) == 0 {
		return nil
	}
	slices.Sort(elsewhere)
	namespaces := strings.Join(slices.Compact(elsewhere), ", ")
	return e.unsupported("send-gateway-elsewhere",
		fmt.Sprintf("The gateway's pods run in namespace %s; a DestinationRule of namespace %s does not reach them.", namespaces, m.Namespace),
		fmt.Sprintf("Move send to a policy in namespace %s.", namespaces))
}

// besideForeignWide refuses a rule without selector where somebody else has one for the same host: Istio uses only the older, and
// drops the trafficPolicy of the other.
// Source: istio pilot/pkg/model/destination_rule.go, mergeDestinationRule.
func besideForeignWide(m sendMesh, e *sendEntry) *model.Finding {
	for _, rule := range m.foreignFor(e.set) {
		if isWide(rule) {
			return e.besideForeign(rule, "for the same clients, and Istio uses only the older of the two",
				"Set TLS there, delete it, or name a workload to send from: then the rule is taken as it is and only its TLS is changed.")
		}
	}
	return nil
}

// besideForeignSelector refuses a namespace-wide rule beside somebody else's for single workloads, of the same host or of a wildcard above
// it: Istio merges two private rules for one host, and the other pods would have none. Exported, the rule is kept; but that must not reach
// the whole mesh.
func besideForeignSelector(m sendMesh, e *sendEntry) *model.Finding {
	why := m.noExport(e.set.hostKey())
	if why == "" || m.live.Has(e.set) {
		return nil
	}
	for _, rule := range m.foreignSelecting {
		host := m.domain().Qualify(rule.Spec.GetHost(), rule.Namespace)
		if model.InRevision(rule, e.set.revision) && (host == e.set.host || hosts.Covers(host, e.set.host)) {
			return e.besideForeign(rule,
				"for some of the pods; beside it Istio keeps a rule for the namespace only if it is exported, "+
					"and since "+why+" it would then govern every client of the mesh",
				"Delete it, or say it for all clients (clients: All).")
		}
	}
	return nil
}

// besideForeignSame refuses a workload's rule where somebody else has one for the same pods, or a private one for the namespace,
// which Istio would merge into ours so that the other pods lost it.
func besideForeignSame(m sendMesh, e *sendEntry) *model.Finding {
	for _, rule := range m.foreignFor(e.set) {
		selector := rule.Spec.GetWorkloadSelector()
		switch {
		case selector != nil && maps.Equal(selector.GetMatchLabels(), e.policy.target.selector):
			return e.besideForeign(rule, "for the same pods, and Istio uses only the older of the two",
				"Set TLS there, or delete it.")
		case selector == nil && m.isPrivate(rule):
			return e.besideForeign(rule,
				"as a private one for the namespace; Istio would merge it into a rule for single pods, "+
					"and the other pods would lose it",
				`Export it (exportTo ["*"] or a list of namespaces), set TLS there, or delete it.`)
		}
	}
	return nil
}

// besideForeign returns the finding about somebody else's rule that ours would silence, or that would silence ours.
func (e *sendEntry) besideForeign(rule *istionetworkingv1.DestinationRule, how, remedy string) *model.Finding {
	f := e.lostTo(e.entryRef.policy, "send-foreign-rule",
		fmt.Sprintf("DestinationRule %s/%s already stands for the host %s; it is left alone and this entry is not rendered.",
			rule.Namespace, rule.Name, how))
	f.Related = model.RefOf(model.KindDestinationRule, rule)
	f.Remedy = remedy
	return &f
}
