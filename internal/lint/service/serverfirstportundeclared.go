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
			Name:     "server-first-port-undeclared",
			Severity: []lint.Severity{lint.Warning},
			Finds: "a Service port that declares no protocol, in front of pods with a sidecar, whose number is that of FTP, SSH, " +
				"Telnet, POP3, IMAP or the submission of mail.",
			Why: "To find out whether HTTP or TLS is spoken, proxies wait for what the client says. In these protocols the server " +
				"speaks first, and the wait has no end. Istio knows ports 25, 53, 3306 and 27017 of itself.",
			Fix: "Set `appProtocol: tcp`, or name the port `tcp-submission`.",
		},
		Find: serverFirstPortUndeclared,
	})
}

// serverFirstPortUndeclared tells of Service ports that declare nothing, so that proxies wait for what the client says, and whose number
// is that of a protocol in which the server speaks first.
// Source: istio pilot/pkg/networking/core/listener_inbound.go, populateListenerFilters; pkg/config/mesh/mesh.go, whose
// ProtocolDetectionTimeout is 0: without end.
func serverFirstPortUndeclared(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for s := range v.Services() {
		service := &v.Services()[s]
		for i, port := range service.Ports {
			protocol := serverFirst[port.Port]
			if protocol == "" {
				protocol = serverFirst[port.TargetPort.IntVal]
			}
			if port.Protocol != "" || protocol == "" || !inMesh(v, service) {
				continue
			}
			f := model.Finding{Severity: lint.Warning, Subject: destinations.OfService(v.Domain(), service).Ref(),
				Field: fmt.Sprintf("spec.ports[%d].name", i)}
			f.Message = fmt.Sprintf("The port declares no protocol, so proxies wait for the client's first bytes to find out whether HTTP or TLS "+
				"is spoken. In %s, whose port this is, the server speaks first: each waits for the other.", protocol)
			f.Remedy = "Set appProtocol to tcp, or begin the port's name with tcp-."
			findings = append(findings, f)
		}
	}
	return findings
}

// serverFirst are ports at which the server speaks first and that Istio does not know for it.
var serverFirst = map[int32]string{21: "FTP", 22: "SSH", 23: "Telnet", 110: "POP3", 143: "IMAP", 587: "SMTP"}
