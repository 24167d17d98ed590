package check

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/model"
)

// gatewayServerDropped tells of servers of ours that Istio leaves out when it merges the Gateways of all namespaces that select a
// pod, oldest first.
// Source: istio pilot/pkg/model/gateway.go, mergeGateways.
func gatewayServerDropped(w world) []model.Finding {
	return w.onDropped(func(v controlPlane, d istio.Dropped) []model.Finding {
		ours, planned := v.planned.gateways[d.Server.Ref()]
		if !planned || !v.judges(ours) {
			return nil
		}
		_, reason := v.overruledBy(d.By.Ref())
		return []model.Finding{{
			Severity: meshtlsv1alpha1.SeverityError, Subject: model.PolicyRef(ownersOf(ours)[0]), Related: d.By.Ref(),
			Field:     w.serverField(ours.OwnerReferences[0].Name, d.Server.Index),
			Message:   d.Why,
			Remedy:    fmt.Sprintf("Use another host, port or bind, or take it out of %s.", d.By.Ref()),
			Condition: meshtlsv1alpha1.ConditionEffective, Reason: reason,
		}}
	})
}

// gatewayDropsForeignServer tells of servers of other people that Istio leaves out because of one of ours, which is older.
func gatewayDropsForeignServer(w world) []model.Finding {
	return w.onDropped(func(v controlPlane, d istio.Dropped) []model.Finding {
		ours, planned := v.planned.gateways[d.By.Ref()]
		if _, both := v.planned.gateways[d.Server.Ref()]; both || !planned || !v.judges(ours) {
			return nil
		}
		return []model.Finding{{
			Severity: meshtlsv1alpha1.SeverityWarning, Subject: model.PolicyRef(ownersOf(ours)[0]), Related: d.Server.Ref(),
			Field:   w.serverField(ours.OwnerReferences[0].Name, d.By.Index),
			Message: d.Why,
			Remedy:  fmt.Sprintf("Tell the owner of %s, or use another host, port or bind.", d.Server.Ref()),
		}}
	})
}

// onDropped asks about every server that Istio leaves out at the pods of our Gateways, each once.
func (w world) onDropped(tell func(controlPlane, istio.Dropped) []model.Finding) []model.Finding {
	var findings []model.Finding
	for _, v := range w.controlPlanes {
		for _, d := range w.droppedServers(v) {
			findings = append(findings, tell(v, d)...)
		}
	}
	return findings
}

// serverAt names a server.
type serverAt struct {
	gateway model.ObjectRef
	index   int
}

func (w world) droppedServers(v controlPlane) []istio.Dropped {
	dropped := map[serverAt]istio.Dropped{}
	for _, pod := range w.plannedGatewayPods(v) {
		for _, d := range v.Listeners(pod).Dropped {
			dropped[serverAt{gateway: d.Server.Ref(), index: d.Server.Index}] = d
		}
	}
	return inOrder(dropped)
}

// plannedGatewayPods are the pods that our Gateways select, each shape once, by name.
func (w world) plannedGatewayPods(v controlPlane) []model.Workload {
	selected := map[types.NamespacedName]model.Workload{}
	for _, gateway := range v.planned.gateways {
		for _, pod := range w.gatewayPods.Selected(gateway.Spec.GetSelector()) {
			selected[types.NamespacedName{Namespace: pod.Namespace, Name: pod.Example}] = pod
		}
	}
	return slices.SortedFunc(maps.Values(selected), func(a, b model.Workload) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Example, b.Example))
	})
}

func inOrder(dropped map[serverAt]istio.Dropped) []istio.Dropped {
	all := make([]istio.Dropped, 0, len(dropped))
	for _, d := range dropped {
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b istio.Dropped) int {
		return cmp.Or(strings.Compare(a.Server.Ref().String(), b.Server.Ref().String()), cmp.Compare(a.Server.Index, b.Server.Index))
	})
	return all
}

// serverField is the path of the entry that a server of a policy's Gateway comes from.
func (w world) serverField(policy string, server int) string {
	at := slices.IndexFunc(w.gateways, func(g model.GatewayRule) bool { return g.Policy == policy })
	owner := slices.IndexFunc(w.subjects, func(s subject) bool { return s.policy.Name == policy })
	if at < 0 || owner < 0 || server >= len(w.gateways[at].Servers) {
		return "spec.gateway"
	}
	planned, spec := w.gateways[at].Servers[server], &w.subjects[owner].policy.Spec
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
