package workload

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "sidecar-hides-strict",
			Severity: []lint.Severity{lint.Info},
			Classes:  []string{"M54"},
			Finds: "a Sidecar whose egress does not list a host of pods that accept only mutual TLS, where the sidecars pass on what they do " +
				"not know.",
			Why: "A sidecar uses no mutual TLS for a host that it does not know: what the application sends leaves as it is, and the pods " +
				"refuse it. Nothing is wrong where nobody calls the host.",
			Fix: "List the hosts that are called in `spec.egress`.",
		},
		Find: sidecarHidesStrict,
	})
}

// sidecarHidesStrict tells of one host for each Sidecar.
// Source: istio pilot/pkg/model/sidecar.go, convertToSidecarScope.
func sidecarHidesStrict(v *mesh.View) []model.Finding {
	if v.Partial() {
		return nil
	}
	type scope struct{ sidecar, namespace string }
	told, looked := sets.New[model.ObjectRef](), sets.New[scope]()
	var findings []model.Finding
	for _, client := range v.Workloads() {
		sidecar := v.SidecarOf(client)
		if sidecar == nil || client.Gateway || client.Dataplane != model.DataplaneSidecar {
			continue
		}
		ref := model.RefOf(model.KindSidecar, sidecar)
		at := scope{ref.String(), client.Namespace}
		if told.Has(ref) || looked.Has(at) {
			continue
		}
		looked.Insert(at)
		if hidden, found := firstHidden(v, client); found {
			told.Insert(ref)
			f := lint.Finding(lint.Info, model.KindSidecar, sidecar, "spec.egress")
			f.Message = fmt.Sprintf("The sidecars of namespace %s do not know %s, whose pods accept only mutual TLS at port %d: who calls it from "+
				"there is refused.", client.Namespace, hidden.Name, hidden.Port.Number)
			f.Remedy = "List the hosts that are called; if nobody calls this one, nothing is wrong."
			findings = append(findings, f)
		}
	}
	return findings
}

// firstHidden finds a port that the client's Sidecar hides, and whose pods accept only mutual TLS.
func firstHidden(v *mesh.View, client *model.Workload) (mesh.Callable, bool) {
	for _, called := range v.Callable(client.Namespace) {
		bypass, hides := v.Bypasses(client, called.Destination, called.Port.Number)
		if !hides || bypass.Refused || bypass.Object == (model.ObjectRef{}) {
			continue
		}
		if slices.ContainsFunc(v.Arrivals(called.Destination, called.Port), func(e destinations.Endpoint) bool {
			_, strict := mesh.StrictAt(v, e.Workload, e.Port)
			return strict && e.Dataplane == model.DataplaneSidecar && e.Captures(e.Port)
		}) {
			return called, true
		}
	}
	return mesh.Callable{}, false
}
