package gateway

import (
	"fmt"
	"strings"

	networkingapi "istio.io/api/networking/v1alpha3"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "gateway-optional-mutual-needs-certificate",
			Severity: []lint.Severity{lint.Error},
			Classes:  []string{"M46"},
			Finds: "a server of mode `OPTIONAL_MUTUAL` that verifies names (`subjectAltNames`) or pins (`verifyCertificateSpki`, " +
				"`verifyCertificateHash`) of client certificates.",
			Why: "Envoy then asks every client for a certificate, and refuses those that show none (`certificate required`): the server " +
				"is as strict as with `MUTUAL`.",
			Fix: "Use `MUTUAL` to say what happens, or leave names and pins to an AuthorizationPolicy and the application.",
		},
		Ours: true,
		Find: optionalMutualNeedsCertificate,
	})
}

// optionalMutualNeedsCertificate tells of servers that were to let clients in without a certificate, and do not.
func optionalMutualNeedsCertificate(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for s := range v.Servers() {
		if !istio.NeedsCertificate(s.GetTls()) {
			continue
		}
		f := about(s, lint.Error, ".tls.mode")
		f.Message = fmt.Sprintf("OPTIONAL_MUTUAL is to let clients in that show no certificate, but where %s of certificates are verified "+
			"Envoy refuses them.", verified(s.GetTls()))
		f.Remedy = "Use MUTUAL, or verify no names and pins here."
		findings = append(findings, f)
	}
	return findings
}

// verified names what the server verifies of certificates besides their authority.
func verified(tls *networkingapi.ServerTLSSettings) string {
	var all []string
	if len(tls.GetSubjectAltNames()) > 0 {
		all = append(all, "names")
	}
	if len(tls.GetVerifyCertificateSpki())+len(tls.GetVerifyCertificateHash()) > 0 {
		all = append(all, "pins")
	}
	return strings.Join(all, " and ")
}
