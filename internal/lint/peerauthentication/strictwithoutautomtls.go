package peerauthentication

import (
	"fmt"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "peerauthentication-strict-without-auto-mtls",
			Severity: []lint.Severity{lint.Error},
			Finds: "a PeerAuthentication that says `STRICT` while `enableAutoMtls` is off in the mesh config, and clients with a proxy have no " +
				"DestinationRule that tells them to use mutual TLS.",
			Why: "Without auto mTLS clients send plaintext unless a DestinationRule says otherwise. The pods refuse it.",
			Fix: "Turn `enableAutoMtls` on, or add a DestinationRule with `ISTIO_MUTUAL`.",
		},
		Find: strictWithoutAutoMTLS,
	})
}

// strictWithoutAutoMTLS finds the PeerAuthentications that refuse what clients send where Istio uses no mutual TLS of itself.
// Source: istio pilot/pkg/networking/core/cluster_tls.go, buildUpstreamTLSSettings.
func strictWithoutAutoMTLS(v *mesh.View) []model.Finding {
	if v.Mesh().AutoMTLS || v.Partial() {
		return nil
	}
	told := map[model.ObjectRef]bool{}
	var findings []model.Finding
	for i := range v.Services() {
		d := v.DeclaredBy(&v.Services()[i])
		for _, port := range d.Declared {
			for o := range v.RefusedPlaintext(d, port) {
				by := o.Accepted.Origin
				if o.AtGateway || by.Object.Kind != model.KindPeerAuthentication || told[by.Object] {
					continue
				}
				told[by.Object] = true
				findings = append(findings, model.Finding{
					Severity: lint.Error, Subject: by.Object, Field: by.Field,
					Message: fmt.Sprintf("Auto mTLS is off in the mesh config, and no DestinationRule tells clients of namespace %s what to send to port "+
						"%d of %s: they send plaintext, and pod %s/%s refuses it.", o.Call.Client.Namespace, port.Number, d.Ref(),
						o.Server.Namespace, o.Server.Example),
					Remedy: "Turn enableAutoMtls on, or tell the clients by a DestinationRule with ISTIO_MUTUAL.",
				})
			}
		}
	}
	return findings
}
