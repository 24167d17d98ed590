package service

import (
	"fmt"

	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "app-protocol-hides-port-name",
			Severity: []lint.Severity{lint.Info},
			Finds: "a Service port with an `appProtocol` that Istio does not know and a name that would declare a protocol, in front " +
				"of pods with a sidecar.",
			Why: "The `appProtocol` goes before the name, also where it says nothing. Proxies then find out by looking whether " +
				"HTTP or TLS is spoken.",
			Fix: "Use an `appProtocol` that Istio knows, or none.",
		},
		Find: appProtocolHidesPortName,
	})
}

// appProtocolHidesPortName tells of Service ports whose name declares a protocol to no effect: an appProtocol goes before the name, also
// one that Istio does not know.
// Source: istio pkg/config/kube/conversion.go, ConvertProtocol.
func appProtocolHidesPortName(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for s := range v.Services() {
		service := &v.Services()[s]
		for i, port := range service.Ports {
			if port.HiddenProtocol == "" || port.HiddenProtocol == port.Protocol || !inMesh(v, service) {
				continue
			}
			f := model.Finding{Severity: lint.Info, Subject: destinations.OfService(v.Domain(), service).Ref(),
				Field: fmt.Sprintf("spec.ports[%d].appProtocol", i)}
			f.Message = fmt.Sprintf("Istio does not know this appProtocol, and looks at it in place of the name %s, which would declare %s: "+
				"proxies find out by looking whether HTTP or TLS is spoken there.", port.Name, port.HiddenProtocol)
			f.Remedy = "Set appProtocol to one that Istio knows, or remove it."
			findings = append(findings, f)
		}
	}
	return findings
}
