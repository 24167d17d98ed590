package lint

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/sets"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// The labels by which a namespace or a pod joins the mesh or stays out of it.
const (
	labelNamespaceInjection = "istio-injection"
	labelPodInjection       = "sidecar.istio.io/inject"
	labelDataplaneMode      = "istio.io/dataplane-mode"
)

// peerAuthenticationCoversPodsWithoutProxy tells of pods without a proxy that a STRICT covers: they accept plaintext, since nobody is there
// to refuse it.
func peerAuthenticationCoversPodsWithoutProxy(v *view) []model.Finding {
	meshed := v.meshedNamespaces()
	if meshed.Len() == 0 {
		return nil
	}
	bare := strictPorts{}
	byRef := v.peersByRef()
	for _, w := range v.Workloads {
		if w.Dataplane != model.DataplaneNone || !meshed.Has(w.Namespace) {
			continue
		}
		withSidecar := w
		withSidecar.Dataplane = model.DataplaneSidecar
		at, strict := v.strictAt(withSidecar, wholeWorkload)
		if !strict || optsOut(w) && len(peerSelector(byRef[at.origin.Object])) == 0 {
			continue
		}
		bare[at] = append(bare[at], w)
	}
	var findings []model.Finding
	for _, at := range bare.inOrder() {
		f := at.about()
		f.Message = fmt.Sprintf("It says STRICT and covers %s without a proxy: nobody is there to refuse plaintext.", podWords(bare[at]))
		f.Remedy = "Give the pods a proxy; if they are to have none, label them " + labelPodInjection + `: "false" and do not select them.`
		findings = append(findings, f)
	}
	return findings
}

// meshedNamespaces are those whose pods should have a proxy: because some have one, or because a label says so. What labels say counts
// only if there is a proxy anywhere: in files nothing is injected yet.
func (v *view) meshedNamespaces() sets.Set[string] {
	meshed := sets.New[string]()
	for _, w := range v.Workloads {
		if w.Dataplane == model.DataplaneAmbient || w.Dataplane == model.DataplaneSidecar && !w.Gateway {
			meshed.Insert(w.Namespace)
		}
	}
	if meshed.Len() == 0 {
		return meshed
	}
	for _, n := range v.Namespaces {
		_, revision := n.Labels[meshtlsv1alpha1.LabelRevision]
		injected := n.Labels[labelNamespaceInjection] == "enabled" || revision && n.Labels[labelNamespaceInjection] != "disabled"
		if injected || n.Labels[labelDataplaneMode] == "ambient" {
			meshed.Insert(n.Name)
		}
	}
	return meshed
}

// optsOut says whether the pods are outside the mesh on purpose.
func optsOut(w model.Workload) bool {
	return strings.EqualFold(w.Labels[labelPodInjection], "false") || w.Labels[labelDataplaneMode] == "none"
}

// peerAuthenticationMissesUncapturedPort tells of a STRICT port that annotations keep from the proxy, which is who would refuse plaintext.
// Source: istio tools/istio-iptables/pkg/capture/run.go, handleInboundPortsInclude.
func peerAuthenticationMissesUncapturedPort(v *view) []model.Finding {
	open := strictPorts{}
	for _, w := range v.Workloads {
		for _, port := range w.Uncaptured {
			at, strict := v.strictAt(w, port)
			if strict && !proxyPorts.Has(port) && v.serves(w, port) && !v.isForOutsiders(w, port) {
				open[at] = append(open[at], w)
			}
		}
	}
	var findings []model.Finding
	for _, at := range open.inOrder() {
		f := at.about()
		f.Message = fmt.Sprintf("It says STRICT, but annotations of %s keep port %d from the proxy: whatever it is sent in "+
			"plaintext, it accepts.",
			podWords(open[at]), at.port)
		f.Remedy = "Take the port out of traffic.sidecar.istio.io/excludeInboundPorts, or into includeInboundPorts."
		findings = append(findings, f)
	}
	return findings
}

// proxyPorts are those of the proxy itself and its agent, which are never captured: metrics, health, telemetry.
var proxyPorts = sets.New[int32](15020, 15021, 15090)

// serves says whether the pods are known to listen at the port.
func (v *view) serves(w model.Workload, port int32) bool {
	return declaresPort(w, port) || slices.ContainsFunc(v.inFront([]model.Workload{w}), func(p frontPort) bool { return p.target == port })
}

// isForOutsiders says whether callers that cannot have a proxy are meant to use the port: the API server, or Prometheus.
func (v *view) isForOutsiders(w model.Workload, port int32) bool {
	return w.Scraped == port || slices.ContainsFunc(v.inFront([]model.Workload{w}), func(p frontPort) bool {
		return p.target == port && slices.ContainsFunc(v.Webhooks, func(h model.Webhook) bool {
			return h.Service.Namespace == w.Namespace && h.Service.Name == p.service.Name && h.Port == p.port.Port
		})
	})
}
