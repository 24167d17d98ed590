package peerauthentication

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/sets"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "peerauthentication-covers-pods-without-proxy",
			Severity: []lint.Severity{lint.Warning},
			Classes:  []string{"M51"},
			Finds: "pods without a proxy under a PeerAuthentication that says `STRICT`, in a namespace that is in the mesh: by its " +
				"label, or because other pods there have a proxy. Pods that stay outside on purpose (`sidecar.istio.io/inject: " +
				"\"false\"`, `istio.io/dataplane-mode: none`) are told of only if a selector picks them.",
			Why: "It is the proxy that refuses plaintext. Without one, the pods accept it, and whoever reads `STRICT` does not " +
				"expect that.",
			Fix: "Restart the pods, so that they are injected. If they are to have no proxy, label them so, and do not select " +
				"them.",
		},
		Find: coversPodsWithoutProxy,
	})
}

// coversPodsWithoutProxy tells of pods without a proxy that a STRICT covers: they accept plaintext, since nobody is there
// to refuse it.
func coversPodsWithoutProxy(v *mesh.View) []model.Finding {
	meshed := meshedNamespaces(v)
	if meshed.Len() == 0 {
		return nil
	}
	bare := mesh.StrictPorts{}
	byRef := peersByRef(v)
	for _, w := range v.Workloads() {
		if w.Dataplane != model.DataplaneNone || !meshed.Has(w.Namespace) {
			continue
		}
		at, strict := mesh.StrictAt(v, w.As(model.DataplaneSidecar), mesh.WholeWorkload)
		if !strict || mesh.OptsOut(w) && len(peerSelector(byRef[at.Origin.Object])) == 0 {
			continue
		}
		bare[at] = append(bare[at], w)
	}
	var findings []model.Finding
	for _, at := range bare.InOrder() {
		f := about(at)
		f.Message = fmt.Sprintf("It says STRICT and covers %s without a proxy: nobody is there to refuse plaintext.", lint.CountPods(bare[at]))
		f.Remedy = "Give the pods a proxy; if they are to have none, label them " + model.LabelInject + `: "false" and do not select them.`
		findings = append(findings, f)
	}
	return findings
}

// labelNamespaceInjection has the pods of a namespace injected.
const labelNamespaceInjection = "istio-injection"

// meshedNamespaces returns the namespaces whose pods should have a proxy: because some have one, or because a label says so. What labels
// say counts only if there is a proxy anywhere: in files nothing is injected yet.
func meshedNamespaces(v *mesh.View) sets.Set[string] {
	meshed := sets.New[string]()
	for _, w := range v.Workloads() {
		if w.Dataplane == model.DataplaneAmbient || w.Dataplane == model.DataplaneSidecar && !w.Gateway {
			meshed.Insert(w.Namespace)
		}
	}
	if meshed.Len() == 0 {
		return meshed
	}
	for _, n := range v.Namespaces() {
		_, revision := n.Labels[meshtlsv1alpha1.LabelRevision]
		injected := n.Labels[labelNamespaceInjection] == "enabled" || revision && n.Labels[labelNamespaceInjection] != "disabled"
		if injected || n.Labels[model.LabelDataplaneMode] == "ambient" {
			meshed.Insert(n.Name)
		}
	}
	return meshed
}
