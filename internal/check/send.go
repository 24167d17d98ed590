package check

import (
	"fmt"
	"slices"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/model"
)

// sentHost is one host of a send, with the destinations that it means.
type sentHost struct {
	subject  subject
	send     meshtlsv1alpha1.Send
	field    string
	host     string
	declared []model.Host
}

// sentHostsOf are all hosts that the policies send to.
func sentHostsOf(w world) []sentHost {
	var all []sentHost
	for _, s := range w.subjects {
		for i, send := range s.policy.Spec.Send {
			for j, name := range send.Hosts {
				host := hosts.Qualify(name, s.policy.Namespace)
				all = append(all, sentHost{
					subject: s, send: send, host: host, declared: w.declared(host),
					field: fmt.Sprintf("spec.send[%d].hosts[%d]", i, j),
				})
			}
		}
	}
	return all
}

// sendHostNotFound tells of a host that the mesh does not know: Istio builds no cluster for it, so nothing carries the TLS.
// Source: istio pilot/pkg/networking/core/cluster.go (clusters are built from services, rules only shape them).
func sendHostNotFound(w world) []model.Finding {
	var findings []model.Finding
	for _, h := range w.sentHosts {
		if len(h.declared) > 0 {
			continue
		}
		f := h.subject.about(meshtlsv1alpha1.SeverityError, h.field)
		f.Message = fmt.Sprintf("No Service and no ServiceEntry visible in namespace %s declares %s.", h.subject.policy.Namespace, h.host)
		f.Remedy = "Check the name, or declare the host by a ServiceEntry; the entry takes effect when it is there."
		f.Condition, f.Reason = meshtlsv1alpha1.ConditionResolvedRefs, meshtlsv1alpha1.ReasonHostNotFound
		findings = append(findings, f)
	}
	return findings
}

// sendPortNotFound tells of a port that the destination does not have: Istio ignores its settings.
// Source: istio pilot/pkg/networking/core/cluster_traffic_policy.go, selectTrafficPolicyComponents by port.
func sendPortNotFound(w world) []model.Finding {
	var findings []model.Finding
	for _, h := range w.sentHosts {
		for k, port := range h.send.Ports {
			if len(h.declared) == 0 || slices.ContainsFunc(h.declared, func(d model.Host) bool { return slices.Contains(d.Ports, port.Port) }) {
				continue
			}
			f := h.subject.about(meshtlsv1alpha1.SeverityError, fmt.Sprintf("%s (ports[%d])", h.field, k))
			f.Message = fmt.Sprintf("%s has no port %d.", h.host, port.Port)
			f.Remedy = fmt.Sprintf("Use a port of the destination's Service or ServiceEntry: %v.", h.declared[0].Ports)
			f.Condition, f.Reason = meshtlsv1alpha1.ConditionResolvedRefs, meshtlsv1alpha1.ReasonPortNotFound
			findings = append(findings, f)
		}
	}
	return findings
}

// sendWildcardCatchesNonMesh tells of a wildcard under IstioMutual that covers destinations outside the mesh: they have no
// certificate that Istio issued, and every connection to them fails.
func sendWildcardCatchesNonMesh(w world) []model.Finding {
	var findings []model.Finding
	for _, h := range w.sentHosts {
		outside := slices.IndexFunc(h.declared, func(d model.Host) bool { return d.External })
		if h.send.Mode != meshtlsv1alpha1.SendIstioMutual || !hosts.IsWildcard(h.host) || outside < 0 {
			continue
		}
		f := h.subject.about(meshtlsv1alpha1.SeverityWarning, h.field)
		f.Message = fmt.Sprintf("%s also covers %s, which is outside the mesh and cannot speak Istio's mutual TLS.",
			h.host, h.declared[outside].Name)
		f.Remedy = "Narrow the host, or leave the mode to Istio with Auto."
		findings = append(findings, f)
	}
	return findings
}
