package destinationrule

import (
	"fmt"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "destinationrule-skips-verification",
			Severity: []lint.Severity{lint.Warning},
			Classes:  []string{"M29"},
			Finds:    "`insecureSkipVerify: true` with `SIMPLE` or `MUTUAL`.",
			Why:      "The traffic is encrypted for whoever answers. Somebody in between can read and change it.",
			Fix:      "Name the authority by `caCertificates` or `credentialName`.",
		},
		Ours: true,
		Find: skipsVerification,
	})
}

// skipsVerification tells of TLS that does not look at who answers.
// Source: istio pilot/pkg/networking/core/cluster_tls.go, constructUpstreamTLS.
func skipsVerification(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for _, rule := range v.DestinationRules() {
		for tls, field := range mesh.TLSOf(&rule.Spec) {
			if !tls.GetInsecureSkipVerify().GetValue() || !custom(tls.Mode) {
				continue
			}
			f := lint.Finding(lint.Warning, model.KindDestinationRule, rule, field+".insecureSkipVerify")
			f.Message = fmt.Sprintf("Clients take any certificate for that of %s: whoever can answer in its place reads and changes the traffic.",
				rule.Spec.Host)
			f.Remedy = "Name the authority by caCertificates or credentialName, and remove insecureSkipVerify."
			findings = append(findings, f)
		}
	}
	return findings
}
