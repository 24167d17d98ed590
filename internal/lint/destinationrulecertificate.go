package lint

import (
	"fmt"

	networkingapi "istio.io/api/networking/v1alpha3"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/model"
)

// destinationRuleCredentialWithoutSelector tells of credentials that sidecars do not get, and go without TLS for that. Where
// routes bring gateways to the host, the rule may be meant for these, who do get it.
// Source: istio pilot/pkg/networking/core/cluster_tls.go, buildUpstreamClusterTLSContext and constructUpstreamTLS.
func destinationRuleCredentialWithoutSelector(v *view) []model.Finding {
	t := v.traffic()
	dropped := func(o outcome) bool {
		return !o.client.Gateway && custom(o.mode()) && o.verdict.Sent.Settings.GetCredentialName() != "" &&
			o.verdict.Sent.Mode == meshtlsv1alpha1.SendDisable
	}
	var findings []model.Finding
	for _, rule := range v.DestinationRules {
		if !saysMode(rule, custom) {
			continue
		}
		for _, o := range t.outcomes(rule, question{at: anywhere, wanted: dropped}) {
			severity := meshtlsv1alpha1.SeverityError
			if len(t.routing.gateways[o.d.Name]) > 0 {
				severity = meshtlsv1alpha1.SeverityInfo
			}
			f := about(severity, model.KindDestinationRule, rule, o.field()+".credentialName")
			f.Message = fmt.Sprintf("Istio gives %s to sidecars only if the rule has a workloadSelector. Without one, what the sidecar of "+
				"pod %s/%s sends to %s leaves in plaintext.%s",
				o.verdict.Sent.Settings.CredentialName, o.client.Namespace, o.client.Example, o.where(), o.same())
			f.Remedy = "Select the clients by spec.workloadSelector, or name certificate files instead of a credential."
			findings = append(findings, f)
		}
	}
	return findings
}

// destinationRuleInternalHostSystemCA tells of TLS toward hosts of the cluster that is verified against the authorities that the
// system trusts, of which a cluster's own is none.
// Source: istio pilot/pkg/networking/core/cluster_tls.go, constructUpstreamTLS: without caCertificates it is "system".
func destinationRuleInternalHostSystemCA(v *view) []model.Finding {
	t := v.traffic()
	unverifiable := func(o outcome) bool {
		seen := o.server != nil || o.d.Service == nil
		return seen && !expectsHTTP(o) && sendsCustom(o) && trustsTheSystem(o.verdict.Sent.Settings)
	}
	var findings []model.Finding
	for _, rule := range v.DestinationRules {
		if !saysMode(rule, custom) {
			continue
		}
		for _, o := range t.outcomes(rule, question{at: isInternal, wanted: unverifiable}) {
			f := about(meshtlsv1alpha1.SeverityWarning, model.KindDestinationRule, rule, o.field())
			f.Message = fmt.Sprintf("It names no authority, so clients verify what answers at %s by the public ones that their proxy's image "+
				"trusts. A certificate from an authority of the cluster's own is refused.%s", o.where(), o.same())
			f.Remedy = "Name the authority by caCertificates or credentialName; if the certificate is from a public one, name its " +
				"host in subjectAltNames."
			findings = append(findings, f)
		}
	}
	return findings
}

// isInternal says whether the host is inside the mesh, with sidecars or without.
func isInternal(d *destinations.Destination) bool { return !d.External }

// sendsCustom says whether TLS with certificates that are not the mesh's leaves the client.
func sendsCustom(o outcome) bool {
	return o.verdict.Sent.Mode == meshtlsv1alpha1.SendSimple || o.verdict.Sent.Mode == meshtlsv1alpha1.SendMutual
}

func trustsTheSystem(tls *networkingapi.ClientTLSSettings) bool {
	return tls.GetCaCertificates() == "" && tls.GetCredentialName() == "" && len(tls.GetSubjectAltNames()) == 0 &&
		!tls.GetInsecureSkipVerify().GetValue()
}

// destinationRuleSkipsVerification tells of TLS that does not look at who answers.
// Source: istio pilot/pkg/networking/core/cluster_tls.go, constructUpstreamTLS.
func destinationRuleSkipsVerification(v *view) []model.Finding {
	var findings []model.Finding
	for _, rule := range v.DestinationRules {
		for tls, field := range tlsOf(&rule.Spec) {
			if !tls.GetInsecureSkipVerify().GetValue() || !custom(tls.Mode) {
				continue
			}
			f := about(meshtlsv1alpha1.SeverityWarning, model.KindDestinationRule, rule, field+".insecureSkipVerify")
			f.Message = fmt.Sprintf("Clients take any certificate for that of %s: whoever can answer in its place reads and changes the traffic.",
				rule.Spec.Host)
			f.Remedy = "Name the authority by caCertificates or credentialName, and remove insecureSkipVerify."
			findings = append(findings, f)
		}
	}
	return findings
}
