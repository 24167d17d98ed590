package policy

import (
	"fmt"
	"slices"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// onDropped asks about every server that Istio leaves out at the pods of gateways, each once.
func (w world) onDropped(write func(view, istio.Dropped) []model.Finding) []model.Finding {
	var findings []model.Finding
	for _, v := range w.views {
		for _, d := range mesh.DroppedServers(v.View, podsOfOurGateways(v)) {
			findings = append(findings, write(v, d.Dropped)...)
		}
	}
	return findings
}

// podsOfOurGateways returns the pods of all Gateways, if any Gateway is ours.
func podsOfOurGateways(v view) []model.Workload {
	if len(v.gateways) == 0 {
		return nil
	}
	return mesh.PodsOfGateways(v.View)
}

// serverAt names a server.
type serverAt struct {
	gateway model.ObjectRef
	index   int
}

// serverField returns the path of the entry that a server of a policy's Gateway comes from.
func (w world) serverField(policy string, server int) string {
	at := slices.IndexFunc(w.Plan.Gateways, func(g model.GatewayRule) bool { return g.Policy == policy })
	owner := slices.IndexFunc(w.subjects, func(s subject) bool { return s.policy.Name == policy })
	if at < 0 || owner < 0 || server >= len(w.Plan.Gateways[at].Servers) {
		return "spec.gateway"
	}
	planned, spec := w.Plan.Gateways[at].Servers[server], &w.subjects[owner].policy.Spec
	for i := range spec.Terminate {
		if planned.Terminate == &spec.Terminate[i] {
			return fmt.Sprintf("spec.terminate[%d]", i)
		}
	}
	for i := range spec.Passthrough {
		if planned.Passthrough == &spec.Passthrough[i] {
			return fmt.Sprintf("spec.passthrough[%d]", i)
		}
	}
	for i := range spec.Plaintext {
		if planned.Plaintext == &spec.Plaintext[i] {
			return fmt.Sprintf("spec.plaintext[%d]", i)
		}
	}
	return "spec.gateway"
}
