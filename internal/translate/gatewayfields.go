package translate

import (
	"fmt"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/versions"
)

// asked is what a server says that not every mesh can be told.
type asked struct {
	field versions.Field
	// by is the field of the policy.
	by string
}

// askedBy returns what the server needs of the mesh's Gateways. A profile that is more than its curves does without them.
func askedBy(t *meshtlsv1alpha1.Terminate) []asked {
	var all []asked
	for _, a := range []struct {
		asked
		set bool
	}{
		{asked{versions.GatewayCredentialNames, "credentialNames"}, len(t.CredentialNames) > 0},
		{asked{versions.GatewayCACredential, "caCertCredentialName"}, t.CACertCredentialName != ""},
		{asked{versions.GatewayCurves, "ecdhCurves"}, len(t.ECDHCurves) > 0},
		{asked{versions.GatewayCurves, "profile"}, t.Profile == meshtlsv1alpha1.ProfilePostQuantum},
		{asked{versions.GatewayALPN, "alpnProtocols"}, len(t.ALPNProtocols) > 0},
	} {
		if a.set {
			all = append(all, a.asked)
		}
	}
	return all
}

// lacksField says that the mesh's Gateways do not have a field that the server needs: the API server would drop it, or refuse the Gateway.
// Nil: they have all, or it is not known.
func lacksField(mesh model.Mesh, g *gatewayServer) *model.Finding {
	if g.planned.Terminate == nil || mesh.Fields == nil {
		return nil
	}
	for _, a := range askedBy(g.planned.Terminate) {
		if !mesh.Fields.Has(a.field.Name) {
			ref := entryRef{g.policy.MeshTLSPolicy, g.field() + "." + a.by}
			return ref.unsupported("gateway-field-of-newer-istio",
				fmt.Sprintf("%s needs %s of a Gateway, which came with Istio %s and which the mesh's CRD does not have.",
					a.by, a.field.Path(), a.field.Since),
				fmt.Sprintf("Remove %s, or upgrade Istio with its CRDs.", a.by))
		}
	}
	return nil
}
