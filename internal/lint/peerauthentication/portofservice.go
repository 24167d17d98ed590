package peerauthentication

import (
	"fmt"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "peerauthentication-port-of-service",
			Severity: []lint.Severity{lint.Error},
			Classes:  []string{"M12"},
			Finds: "a port in `portLevelMtls` that is a port of a Service in front of the pods, while the Service leads to another " +
				"one and the pods are not known to have this one.",
			Why: "A PeerAuthentication is about the pods' ports. The port that was meant keeps the mode of the rest.",
			Fix: "Name the pods' port.",
		},
		Find: portOfService,
	})
}

// portOfService tells of a mode for a port that is one of a Service in front of the pods, and none of the pods'.
// Source: istio pilot/pkg/security/authn/policy_applier.go, ComposePeerAuthentication: the ports are those of the workload.
func portOfService(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for idle := range idlePorts(v) {
		if idle.service == nil {
			continue
		}
		f := lint.Finding(lint.Error, model.KindPeerAuthentication, idle.pa, fmt.Sprintf("spec.portLevelMtls[%d]", idle.port))
		f.Message = fmt.Sprintf("%d is a port of Service %s, which leads to port %d of the pods. Here it stands for a port of the pods, "+
			"and they are not known to have such a port: what it says holds for nothing.", idle.port, idle.service.Name, idle.target)
		f.Remedy = fmt.Sprintf("Name port %d instead.", idle.target)
		findings = append(findings, f)
	}
	return findings
}
