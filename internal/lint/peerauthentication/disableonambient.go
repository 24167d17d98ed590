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
			Name:     "peerauthentication-disable-on-ambient",
			Severity: []lint.Severity{lint.Error, lint.Info},
			Classes:  []string{"M16"},
			Finds: "`DISABLE`, for a workload or a port, that would decide for pods in ambient mode. An error where plaintext is " +
				"refused all the same, else an info.",
			Why: "ztunnel refuses plaintext, or does not: `DISABLE` is `PERMISSIVE` to it. Below a parent's `STRICT` it does not " +
				"take the `DISABLE` of a port for an exception.",
			Fix: "Say `PERMISSIVE`.",
		},
		Find: disableOnAmbient,
	})
}

// disableOnAmbient tells of DISABLE that decides for pods in ambient mode. ztunnel refuses plaintext or does not: there
// DISABLE is PERMISSIVE, and below a parent's STRICT a port's DISABLE does not even count as an exception.
// Source: istio pilot/pkg/serviceregistry/ambient/authorization.go, convertedSelectorPeerAuthentications and isMtlsModePermissive.
func disableOnAmbient(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for _, pa := range v.PeerAuthentications() {
		disabled := disabledFields(pa)
		if len(disabled) == 0 {
			continue
		}
		ambient := slices.DeleteFunc(slices.Clone(under(v, pa)), func(w *model.Workload) bool { return w.Dataplane != model.DataplaneAmbient })
		for _, port := range disabled {
			findings = append(findings, disabledFor(v, pa, port, ambient)...)
		}
	}
	return findings
}

// disabledFields returns the ports, and mesh.WholeWorkload, for which the object says DISABLE.
func disabledFields(pa *istiosecurityv1.PeerAuthentication) []int32 {
	var disabled []int32
	if istio.ModeOf(pa.Spec.GetMtls()) == meshtlsv1alpha1.AcceptDisable {
		disabled = append(disabled, mesh.WholeWorkload)
	}
	for _, port := range slices.Sorted(maps.Keys(pa.Spec.GetPortLevelMtls())) {
		if istio.ModeOf(pa.Spec.GetPortLevelMtls()[port]) == meshtlsv1alpha1.AcceptDisable {
			disabled = append(disabled, portNumber(port))
		}
	}
	return disabled
}

// disabledFor counts the pods for which the object would decide if they had a sidecar.
func disabledFor(v *mesh.View, pa *istiosecurityv1.PeerAuthentication, port int32, ambient []*model.Workload) []model.Finding {
	field := "spec.mtls.mode"
	if port != mesh.WholeWorkload {
		field = fmt.Sprintf("spec.portLevelMtls[%d].mode", port)
	}
	said := istio.Origin{Object: model.RefOf(model.KindPeerAuthentication, pa), Field: field}
	var loose, strict []*model.Workload
	for _, w := range ambient {
		withSidecar := w.As(model.DataplaneSidecar)
		switch {
		case v.AcceptedAt(withSidecar, port).Origin != said:
		case v.AcceptedAt(w, port).Mode == meshtlsv1alpha1.AcceptStrict:
			strict = append(strict, w)
		default:
			loose = append(loose, w)
		}
	}
	f := lint.Finding(lint.Error, model.KindPeerAuthentication, pa, field)
	f.Remedy = "Say PERMISSIVE, which ztunnel knows: it then accepts plaintext as well as mutual TLS."
	switch {
	case len(strict) > 0:
		f.Message = fmt.Sprintf("It says DISABLE for %s in ambient mode, where ztunnel knows no such mode and does not take it for an "+
			"exception from STRICT: it goes on refusing plaintext.", lint.CountPods(strict))
	case len(loose) > 0:
		f.Severity = lint.Info
		f.Message = fmt.Sprintf("It says DISABLE for %s in ambient mode, where ztunnel knows no such mode: plaintext is accepted, and "+
			"mutual TLS stays in use between the pods of the mesh.", lint.CountPods(loose))
	default:
		return nil
	}
	return []model.Finding{f}
}

// under returns the pods of the object's scope, whether or not it decides for them.
func under(v *mesh.View, pa *istiosecurityv1.PeerAuthentication) []*model.Workload {
	switch {
	case pa.Namespace != v.Mesh().RootNamespace:
		return v.Selected(pa.Namespace, peerSelector(pa))
	case len(peerSelector(pa)) == 0:
		return v.Workloads()
	default:
		return nil
	}
}
