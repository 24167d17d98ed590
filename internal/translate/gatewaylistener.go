package translate

import (
	"fmt"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// saidByListener refuses servers at the pods of a Kubernetes Gateway, which serve what its listeners say: nothing is written into
// somebody's Gateway, and an Istio Gateway beside it would say it a second time. It names what says it there. Nil: the target is no such
// Gateway.
func saidByListener(g *gatewayServer) *model.Finding {
	target := g.policy.Spec.Gateway
	if target == nil || target.Gateway == nil {
		return nil
	}
	gateway := model.ObjectRef{Kind: model.KindGatewayAPIGateway, Namespace: g.policy.Namespace, Name: target.Gateway.Name}
	at := entryRef{g.policy.MeshTLSPolicy, g.field()}
	f := at.unsupported("gateway-served-by-listeners",
		fmt.Sprintf("The pods of %s serve what its listeners say, and the operator writes into no Gateway of others.", gateway),
		fmt.Sprintf("Say it there: %s. Of such a Gateway a policy is for send.", listenerSays(g)))
	f.Related = gateway
	return f
}

// listenerSays names the fields of a listener that do what the server asks for.
// Source: istio pilot/pkg/config/kube/gateway/conversion.go, buildTLS.
func listenerSays(g *gatewayServer) string {
	switch {
	case g.planned.Terminate != nil && asksForCertificates(g.planned.Terminate.Mode):
		return "spec.listeners[].tls with mode: Terminate and certificateRefs, and spec.tls.frontend for the certificates of clients"
	case g.planned.Terminate != nil:
		return "spec.listeners[].tls with mode: Terminate and certificateRefs"
	case g.planned.Passthrough != nil:
		return "spec.listeners[] with protocol: TLS and tls.mode: Passthrough"
	case g.redirects():
		return "spec.listeners[] with protocol: HTTP, and an HTTPRoute with the filter RequestRedirect"
	default:
		return "spec.listeners[] with protocol: HTTP or TCP"
	}
}

func asksForCertificates(mode meshtlsv1alpha1.TerminateMode) bool {
	return mode == meshtlsv1alpha1.TerminateMutual || mode == meshtlsv1alpha1.TerminateOptionalMutual
}
