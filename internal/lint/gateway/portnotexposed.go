package gateway

import (
	"fmt"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "gateway-port-not-exposed",
			Severity: []lint.Severity{lint.Warning},
			Classes:  []string{"M45"},
			Finds:    "a port of a Gateway to which no Service leads, where there are Services before its pods.",
			Why:      "The pods listen, and clients that come by the Service do not reach them.",
			Fix:      "Add the port to the Service.",
		},
		Ours: true,
		Find: portNotExposed,
	})
}

// portNotExposed tells of a port of a Gateway that none of the Services before its pods leads to. Of the Services of a namespace
// an inventory has all or none. A server with a bind is not for everybody, and is not judged.
// Source: istio pilot/pkg/model/gateway.go, resolvePorts: a Gateway's port is a Service's, or else the pods' own.
func portNotExposed(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for _, g := range v.Gateways() {
		services := servicesBefore(v, v.ProxiesOf(g))
		if len(services) == 0 {
			continue
		}
		for s := range mesh.ServersOf(g) {
			if s.Bind != "" || exposed(v, services, s.Number()) {
				continue
			}
			f := about(s, lint.Warning, ".port.number")
			f.Message = fmt.Sprintf("The gateway listens on %d, and no Service before its pods leads there (%s does not): "+
				"clients that come by a Service cannot reach it.", s.Port.Number, services[0].ref)
			f.Remedy = "Add the port to the Service, or use a port that it has."
			findings = append(findings, f)
		}
	}
	return findings
}

// fronted is a Service with pods behind it.
type fronted struct {
	ref   model.ObjectRef
	ports []model.ServicePort
	pod   *model.Workload
}

// servicesBefore returns the Services that select the pods, once for each of these.
func servicesBefore(v *mesh.View, workloads []*model.Workload) []fronted {
	var services []fronted
	for _, w := range workloads {
		for _, d := range v.InFront(w.Namespace, w.Labels) {
			if d.Service != nil {
				services = append(services, fronted{ref: d.Ref(), ports: d.Service.Ports, pod: w})
			}
		}
	}
	return services
}

// exposed reports whether a Service leads to where the pods listen for a Gateway's port. A target by a name that no container declares may
// lead anywhere.
func exposed(v *mesh.View, services []fronted, port int32) bool {
	for _, s := range services {
		listening := v.PodPort(s.pod, port)
		for i := range s.ports {
			if target, known := s.ports[i].TargetOn(s.pod); target == listening || !known {
				return true
			}
		}
	}
	return false
}
