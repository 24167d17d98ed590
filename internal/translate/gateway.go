package translate

import (
	"cmp"
	"fmt"
	"slices"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/versions"
)

// gatewayPlan is the gateway side of a namespace.
type gatewayPlan struct {
	rules    []model.GatewayRule
	outcomes []entryOutcome
}

// gateways plans one Gateway for each policy that has an accepted server, and says what became of each server entry.
func gateways(m indexed, policies []policyTarget) gatewayPlan {
	var plan gatewayPlan
	merge := gatewayMerge{indexed: m}
	for i := range policies {
		servers := serversOf(&policies[i])
		if len(servers) == 0 {
			continue
		}
		accepted, outcomes := merge.admitAll(&policies[i], servers)
		plan.outcomes = append(plan.outcomes, outcomes...)
		if len(accepted) > 0 && policies[i].target.resolved() {
			plan.rules = append(plan.rules, gatewayRule(&policies[i], accepted))
		}
	}
	return plan
}

func gatewayRule(p *policyTarget, servers []model.Server) model.GatewayRule {
	slices.SortStableFunc(servers, func(a, b model.Server) int { return cmp.Compare(listenerOf(a).Port, listenerOf(b).Port) })
	return model.GatewayRule{
		Revision: p.revision(),
		Policy:   p.Name,
		Selector: p.target.selector,
		Servers:  servers,
		Owners:   []model.Owner{ownerOf(p.MeshTLSPolicy)},
	}
}

// admitAll admits the servers of a policy that do not conflict with those of older policies, nor with each other.
func (m *gatewayMerge) admitAll(p *policyTarget, servers []gatewayServer) ([]model.Server, []entryOutcome) {
	accepted := make([]model.Server, 0, len(servers))
	outcomes := make([]entryOutcome, len(servers))
	for i := range servers {
		servers[i].planned.ProfileCurves = m.Mesh.Fields.Has(versions.GatewayCurves.Name)
		because := m.admit(&servers[i])
		outcomes[i] = entryOutcome{policy: p.key(), accepted: because == nil}
		if because != nil {
			outcomes[i].findings = []model.Finding{*because}
			continue
		}
		accepted = append(accepted, servers[i].planned)
	}
	outcomes[0].findings = append(outcomes[0].findings, m.podFindings(p)...)
	return accepted, outcomes
}

// podFindings returns what there is to say about the pods of a gateway, besides that there are none, which a check says.
func (m *gatewayMerge) podFindings(p *policyTarget) []model.Finding {
	if p.target.scope != scopeGateway || p.target.service == nil {
		return nil
	}
	elsewhere := inOtherNamespaces(m.podsOf(p).workloads, p.Namespace)
	if len(elsewhere) == 0 {
		return nil
	}
	return []model.Finding{gatewayReachesFurther(p, elsewhere)}
}

// gatewayReachesFurther: a Service means pods of its own namespace, but the selector of an Istio Gateway has no namespace.
func gatewayReachesFurther(p *policyTarget, elsewhere []string) model.Finding {
	return model.Finding{
		Check: "gateway-service-labels-elsewhere", Severity: meshtlsv1alpha1.SeverityWarning,
		Subject: model.PolicyRef(p.key()), Field: "spec.gateway.service",
		Message: fmt.Sprintf("Pods of other namespaces have the labels of Service %s too (%s), and an Istio Gateway applies to them as well.",
			p.target.service.Name, namespaceWords(elsewhere)),
		Remedy: "Give the gateway a label of its own, and the Service a selector with it.",
	}
}
