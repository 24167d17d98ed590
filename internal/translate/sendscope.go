package translate

import (
	"fmt"
	"slices"
	"strings"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/model"
)

// denial says why a policy may not send to the host in this way; nil: it may.
func (a *sendAsker) denial(p policyTarget, field string, send meshtlsv1alpha1.Send, host string) *model.Finding {
	switch audienceOf(p, send) {
	case model.AudienceAll:
		return firstOf(a.notOwnHost(p, field, host), a.otherAudience(p, field, send, host), a.besideForeignWide(p, field, host))
	case model.AudienceNamespace:
		return firstOf(a.otherAudience(p, field, send, host), a.besideForeignWide(p, field, host), a.besideForeignSelector(p, field, host))
	default:
		return firstOf(a.gatewayElsewhere(p, field), a.wideWithoutCompanion(p, field, host), a.besideForeignSame(p, field, host))
	}
}

func firstOf(findings ...*model.Finding) *model.Finding {
	for _, f := range findings {
		if f != nil {
			return f
		}
	}
	return nil
}

// autoBelowWildcard refuses to leave one port of a wildcard to Istio where the others are not: for an entry without tls Istio asks the
// destination level whether endpoints speak mutual TLS, and to move that level to the other ports their numbers must be known.
// Source: istio pilot/pkg/xds/endpoints/mtls_checker.go, trafficPolicyTLSModeForPort.
func (a ask) autoBelowWildcard(send meshtlsv1alpha1.Send, port meshtlsv1alpha1.SendPort) *model.Finding {
	wildcard := slices.ContainsFunc(send.Hosts, hosts.IsWildcard)
	if !wildcard || port.Mode != meshtlsv1alpha1.SendAuto || send.Mode == "" || send.Mode == meshtlsv1alpha1.SendAuto {
		return nil
	}
	return at(a.policy.MeshTLSPolicy, a.field).unsupported("send-auto-port-of-wildcard",
		fmt.Sprintf("Istio cannot be left to decide about port %d alone where a wildcard's other ports are sent %s: "+
			"it would send plaintext there.", port.Port, send.Mode),
		"Name the hosts one by one, or give the port a mode.")
}

// configMapScheme is how a credentialName names a ConfigMap, as configmap://namespace/name.
const configMapScheme = "configmap://"

// configMapElsewhere refuses a CA in a ConfigMap of another namespace: Istio takes it from the DestinationRule's own only.
// Source: istio pkg/config/validation/validation.go, validateTLS.
func (a ask) configMapElsewhere(tls meshtlsv1alpha1.ClientTLS) *model.Finding {
	name, isConfigMap := strings.CutPrefix(tls.CredentialName, configMapScheme)
	if !isConfigMap || strings.HasPrefix(name, a.policy.Namespace+"/") {
		return nil
	}
	return at(a.policy.MeshTLSPolicy, a.field).unsupported("send-configmap-elsewhere",
		fmt.Sprintf("credentialName names ConfigMap %s, and Istio takes one of the DestinationRule's own namespace, %s, only.",
			name, a.policy.Namespace),
		"Copy the ConfigMap to this namespace, or give the CA by caCertificates.")
}

// notOwnHost refuses to decide for everybody about a host that belongs to another namespace: no tenant steers another's traffic.
func (a *sendAsker) notOwnHost(p policyTarget, field, host string) *model.Finding {
	if p.Namespace == a.Mesh.RootNamespace || a.ownHost(host) {
		return nil
	}
	f := at(p.MeshTLSPolicy, field).unsupported("send-clients-all-not-permitted",
		fmt.Sprintf("%s does not belong to namespace %s, so a policy of that namespace may not decide what all clients send to it.",
			host, p.Namespace),
		"Leave clients out to govern the namespace's own clients, or declare it where the host lives or in the root namespace.")
	f.Reason = meshtlsv1alpha1.ReasonNotPermitted
	return f
}

// ownHost says whether the host is the compiled namespace's: by its name, or because a ServiceEntry of the namespace declares it.
func (a *sendAsker) ownHost(host string) bool {
	declared, known := a.known[host]
	return hosts.Belongs(host, a.Namespace) || (known && declared.Namespace == a.Namespace)
}

// otherAudience refuses a rule for the namespace's clients beside one for all clients of the same host, and the other way round:
// both are without selector, and which of the two Istio would use depends on their age.
func (a *sendAsker) otherAudience(p policyTarget, field string, send meshtlsv1alpha1.Send, host string) *model.Finding {
	first, found := a.wide[sendSet{revision: p.revision(), host: host}]
	if !found || first.audience == audienceOf(p, send) {
		return nil
	}
	f := at(p.MeshTLSPolicy, field).lostTo(first.policy, "send-audience-conflict",
		fmt.Sprintf("%s of MeshTLSPolicy %s already decides what is sent to %s with clients %s; this entry says clients %s.",
			first.field, keyOf(first.policy), host, first.audience, audienceOf(p, send)))
	return &f
}

// gatewayElsewhere refuses a rule that would not reach the gateway's pods: a DestinationRule's workload selector selects only in
// its own namespace.
// Source: istio api networking/v1alpha3/destination_rule.proto, workload_selector.
func (a *sendAsker) gatewayElsewhere(p policyTarget, field string) *model.Finding {
	if p.target.scope != scopeGateway || !p.target.resolved() {
		return nil
	}
	var elsewhere []string
	for _, w := range a.gatewayPods.Selected(p.target.selector) {
		if w.Namespace == p.Namespace {
			return nil
		}
		elsewhere = append(elsewhere, w.Namespace)
	}
	if len(elsewhere) == 0 {
		return nil
	}
	slices.Sort(elsewhere)
	namespaces := strings.Join(slices.Compact(elsewhere), ", ")
	return at(p.MeshTLSPolicy, field).unsupported("send-gateway-elsewhere",
		fmt.Sprintf("The gateway's pods run in namespace %s; a DestinationRule of namespace %s does not reach them.", namespaces, p.Namespace),
		fmt.Sprintf("Move send to a policy in namespace %s.", namespaces))
}

// wideWithoutCompanion refuses a workload's entry beside a namespace-wide one for the same host where the two cannot both be had:
// the namespace-wide rule would have to be exported (Istio merges two private rules for one host), and an exported rule would
// reach every client of the mesh, where the host is the namespace's own or the namespace is the root.
// Source: istio pilot/pkg/model/destination_rule.go, mergeDestinationRule.
func (a *sendAsker) wideWithoutCompanion(p policyTarget, field, host string) *model.Finding {
	wide, found := a.wide[sendSet{revision: p.revision(), host: host}]
	if !found || wide.audience == model.AudienceAll {
		return nil
	}
	why := a.noExport(host)
	if why == "" {
		return nil
	}
	f := at(p.MeshTLSPolicy, field).lostTo(wide.policy, "send-workload-beside-namespace",
		fmt.Sprintf("%s of MeshTLSPolicy %s sends to %s for the whole namespace. Beside a rule for single workloads Istio keeps that one only "+
			"if it is exported, and as %s it would then govern every client of the mesh.", wide.field, keyOf(wide.policy), host, why))
	f.Remedy = "Give each workload that sends to the host its own policy, or say it for all clients (clients: All)."
	return &f
}

// wildcardAbove is what is sent for more than single workloads to the narrowest wildcard above the host, or what single workloads
// send to one.
func (a *sendAsker) wildcardAbove(set sendSet) (wideSend, bool) {
	for _, wildcard := range hosts.Wildcards(set.host) {
		for _, above := range []wideSend{
			a.wide[sendSet{revision: set.revision, host: wildcard}],
			a.narrow[sendSet{revision: set.revision, host: wildcard}],
		} {
			if above.policy != nil {
				return above, true
			}
		}
	}
	return wideSend{}, false
}

// noExport says why a rule of this namespace for the host may not be exported if it is meant for the namespace's own clients only;
// empty: it may, since Istio looks for the host's rule in the namespaces of the client, the host and the root, and nowhere else.
// Source: istio pilot/pkg/model/push_context.go, destinationRule.
func (a *sendAsker) noExport(host string) string {
	switch {
	case a.Namespace == a.Mesh.RootNamespace:
		return "the namespace is Istio's root"
	case a.ownHost(host):
		return "the host belongs to this namespace"
	default:
		return ""
	}
}
