package peerauthentication

import (
	"fmt"
	"maps"
	"slices"

	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "peerauthentication-contradicts-level",
			Severity: []lint.Severity{lint.Warning},
			Classes:  []string{"M53"},
			Finds: "a PeerAuthentication with `STRICT` for single workloads, or a port of them, where that of their namespace or of the mesh says " +
				"`DISABLE`, and no pod of the namespace is known. Of pods that are known `peerauthentication-below-disable` tells.",
			Why: "Where a pod has a proxy, its clients send plaintext, since they ask the namespace and the mesh alone, and the pod refuses it.",
			Fix: "Say `PERMISSIVE` for the namespace or the mesh, or add a DestinationRule with `ISTIO_MUTUAL` for the Service.",
		},
		Find: contradictsLevel,
	})
}

// contradictsLevel tells of STRICT below a DISABLE, in namespaces of which no pod is known.
// Source: istio pilot/pkg/model/push_context.go, BestEffortInferServiceMTLSMode.
func contradictsLevel(v *mesh.View) []model.Finding {
	if v.Partial() {
		return nil
	}
	var findings []model.Finding
	for _, pa := range selectingPeers(v) {
		level := v.Accept(mesh.Anybody(pa.Namespace)).Workload
		field, strict := strictField(pa)
		if !strict || level.Mode != meshtlsv1alpha1.AcceptDisable || len(v.Selected(pa.Namespace, nil)) > 0 {
			continue
		}
		f := lint.Finding(lint.Warning, model.KindPeerAuthentication, pa, field)
		f.Related = level.Origin.Object
		f.Message = fmt.Sprintf("It says STRICT, and %s disables mutual TLS: where a pod has a proxy, clients send plaintext, since they ask the "+
			"namespace and the mesh alone, and the pod refuses it.", level.Origin)
		f.Remedy = fmt.Sprintf("Let %s say PERMISSIVE, or tell the clients by a DestinationRule with ISTIO_MUTUAL for the Service.", level.Origin.Object)
		findings = append(findings, f)
	}
	return findings
}

// strictField returns where the object says STRICT.
func strictField(pa *istiosecurityv1.PeerAuthentication) (field string, says bool) {
	if istio.ModeOf(pa.Spec.GetMtls()) == meshtlsv1alpha1.AcceptStrict {
		return "spec.mtls.mode", true
	}
	for _, port := range slices.Sorted(maps.Keys(pa.Spec.GetPortLevelMtls())) {
		if istio.ModeOf(pa.Spec.GetPortLevelMtls()[port]) == meshtlsv1alpha1.AcceptStrict {
			return fmt.Sprintf("spec.portLevelMtls[%d]", port), true
		}
	}
	return "", false
}
