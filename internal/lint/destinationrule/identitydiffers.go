package destinationrule

import (
	"fmt"

	networkingapi "istio.io/api/networking/v1alpha3"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// nameTheAccount is what to do about names that a rule, or a policy, lists itself.
const nameTheAccount = "Name the pods' service account in subjectAltNames, or leave them out where the destination is a Service."

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "destinationrule-identity-differs",
			Severity: []lint.Severity{lint.Error},
			Finds: "`ISTIO_MUTUAL` toward pods whose certificate has none of the names that clients verify: those of `subjectAltNames`, or where " +
				"there are none, those that a ServiceEntry or WorkloadEntry declares.",
			Why: "The certificate of a pod in the mesh has one name, that of its service account (`spiffe://<trust domain>/ns/<namespace>/sa/" +
				"<name>`). The handshake fails. Which trust domain it is, the mesh config says; where that cannot be read, any will do.",
			Fix: "Name the pods' service account, or remove `subjectAltNames`: Istio then expects the accounts of the pods.",
		},
		Ours: true, Reason: meshtlsv1alpha1.ReasonRefused,
		InPolicy: nameTheAccount,
		Find:     identityDiffers,
	})
}

// identityDiffers tells of rules that have clients expect another server than the pods are.
// Source: istio pilot/pkg/networking/core/cluster_tls.go, buildUpstreamTLSSettings.
func identityDiffers(v *mesh.View) []model.Finding {
	return failures(v, failure{
		says:      isMode(networkingapi.ClientTLSSettings_ISTIO_MUTUAL),
		at:        anywhere,
		is:        func(outcome) bool { return true },
		wrongName: true,
		words: func(o outcome) (string, string) {
			message := fmt.Sprintf("For %s clients expect a server with the name %s. There the certificate of %s has the name %s: the "+
				"handshake fails.", o.where(), istio.OneOf(o.Expected), o.endpoint(), o.Certified)
			if len(o.Sent.Settings.GetSubjectAltNames()) == 0 {
				return message, fmt.Sprintf("Correct the names in %s, or set subjectAltNames here.", o.Call.Destination.Ref())
			}
			return message, nameTheAccount
		},
	})
}
