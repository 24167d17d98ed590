package virtualservice

import (
	"fmt"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "virtualservice-not-exported-to-gateway",
			Severity: []lint.Severity{lint.Error},
			Classes:  []string{"M48"},
			Finds:    "a VirtualService that is exported to no namespace of the pods of a Gateway that it names.",
			Why:      "What counts is where the pods are, not where the Gateway is.",
			Fix:      "Add the namespace of the pods to `exportTo`.",
		},
		Find: notExportedToGateway,
	})
}

// notExportedToGateway tells of a VirtualService that is not exported to the namespace of any pod of the Gateway, which
// often is another one than the Gateway's.
// Source: istio pilot/pkg/model/push_context.go, VirtualServicesForGateway, which goes by the proxy's namespace.
func notExportedToGateway(v *mesh.View) []model.Finding {
	gateways := gatewaysByKey(v)
	var findings []model.Finding
	for m := range mentions(v) {
		g, known := gateways[m.gateway]
		if !known || !servesAny(v, g, m.vs) {
			continue
		}
		proxies := v.ProxiesOf(g)
		if v.ReachesAny(m.vs, proxies) {
			continue
		}
		f := m.about(lint.Error)
		f.Message = fmt.Sprintf("Gateway %s is for pods of namespace %s, to which this VirtualService is not exported: "+
			"they get none of its routes.", m.gateway, proxies[0].Namespace)
		f.Remedy = fmt.Sprintf("Export it to %s, too.", proxies[0].Namespace)
		findings = append(findings, f)
	}
	return findings
}
