package lint

import (
	"fmt"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/model"
)

// gatewayServerLeftOut tells of servers that Istio leaves out when it merges the Gateways of all namespaces that select a pod, oldest
// first. Of a Gateway whose pods are not known it asks what a pod would get that has its labels and no others.
// Source: istio pilot/pkg/model/gateway.go, mergeGateways.
func gatewayServerLeftOut(v *view) []model.Finding {
	type server struct {
		gateway model.ObjectRef
		index   int
	}
	told := map[server]bool{}
	var findings []model.Finding
	for _, pod := range append(v.selectedByGateways(), v.imagined()...) {
		for _, d := range v.istio.Listeners(pod).Dropped {
			dropped := server{gateway: d.Server.Ref(), index: d.Server.Index}
			if told[dropped] {
				continue
			}
			told[dropped] = true
			f := gatewayServer{Server: d.Server.Spec(), gateway: d.Server.Gateway, index: d.Server.Index}.about(meshtlsv1alpha1.SeverityError, "")
			f.Message = "The gateway pods do not get it: " + d.Why
			if pod.Example != "" {
				f.Message = fmt.Sprintf("The gateway pods do not get it (%s/%s is one): %s", pod.Namespace, pod.Example, d.Why)
			}
			f.Remedy = "Use another host, port, bind or port name, or take the other server away."
			if sameAge(d) {
				f.Message += " Neither Gateway says here when it was created; of the two it is the younger one's server that goes."
			}
			findings = append(findings, f)
		}
	}
	return findings
}

// sameAge says whether the objects do not tell which is the older one, as in files.
func sameAge(d istio.Dropped) bool {
	return d.By.Ref() != d.Server.Ref() && d.By.Gateway.CreationTimestamp.IsZero() && d.Server.Gateway.CreationTimestamp.IsZero()
}

// selectedByGateways are the pods with a proxy that Gateways select, each shape once.
func (v *view) selectedByGateways() []model.Workload {
	seen := map[string]bool{}
	var selected []model.Workload
	for _, g := range v.Gateways {
		for _, w := range v.proxiesOf(g) {
			if name := w.Namespace + "/" + w.Example; !seen[name] {
				seen[name] = true
				selected = append(selected, w)
			}
		}
	}
	return selected
}

// imagined are pods of the Gateways whose pods are not known.
func (v *view) imagined() []model.Workload {
	var workloads []model.Workload
	for _, g := range v.Gateways {
		if len(v.proxiesOf(g)) == 0 {
			workloads = append(workloads, model.Workload{Labels: g.Spec.Selector, Dataplane: model.DataplaneSidecar, Gateway: true})
		}
	}
	return workloads
}
