package policy

import (
	"fmt"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	add(lint.About{
		Name:     "gateway-server-dropped",
		Severity: []lint.Severity{lint.Error},
		Reasons:  []string{meshtlsv1alpha1.ReasonShadowed, meshtlsv1alpha1.ReasonOverlapped},
		Finds: "a server of ours that Istio leaves out at pods that it selects, because of a Gateway of any namespace that comes " +
			"first. `Shadowed`, since that one is not of this namespace's policies; `Overlapped` if it is.",
		Why: "Istio merges the Gateways of all namespaces that select a pod, oldest first. A second server of a host, or one " +
			"that speaks something else on the port, is dropped whole.",
		Fix: "Take the host out of the one that the message names, or use another host, port or bind.",
	}, gatewayServerDropped)
}

// gatewayServerDropped tells of servers of ours that Istio leaves out when it merges the Gateways of all namespaces that select a
// pod, oldest first.
// Source: istio pilot/pkg/model/gateway.go, mergeGateways.
func gatewayServerDropped(w world) []model.Finding {
	return w.onDropped(func(v view, d istio.Dropped) []model.Finding {
		ours, planned := v.gateways[d.Server.Ref()]
		if !planned || !v.judges(ours) {
			return nil
		}
		_, reason := v.overruledBy(d.By.Ref())
		remedy := fmt.Sprintf("Use another host, port or bind, or take it out of %s.", d.By.Ref())
		if d.Reason == istio.DropManaged {
			remedy = d.Remedy()
		}
		return []model.Finding{{
			Severity: lint.Error, Subject: model.PolicyRef(ownersOf(ours)[0]), Related: d.By.Ref(),
			Field:     w.serverField(ours.OwnerReferences[0].Name, d.Server.Index),
			Message:   d.Why,
			Remedy:    remedy,
			Condition: meshtlsv1alpha1.ConditionEffective, Reason: reason,
		}}
	})
}
