package policy

import (
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
func podsOfOurGateways(v view) []*model.Workload {
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
