package destinationrule

import (
	"fmt"
	"strings"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "destinationrule-credential-without-selector",
			Severity: []lint.Severity{lint.Error, lint.Info},
			Classes:  []string{"M26"},
			Finds: "a `credentialName` in a rule without `workloadSelector` that governs sidecars. An info where a gateway is routed " +
				"to the host: the rule may be meant for that one; and where no workload at all is known.",
			Why: "Istio gives a Secret to sidecars only if the rule selects them. Without it they get no TLS at all for this rule, " +
				"and the traffic leaves in plaintext. Gateways do get it.",
			Fix: "Select the clients by `workloadSelector`. A ConfigMap (`configmap://…`) that holds an authority needs none.",
		},
		Find: credentialWithoutSelector,
	})
}

// credentialWithoutSelector tells of credentials that sidecars do not get, and go without TLS for that. Where
// routes bring gateways to the host, the rule may be meant for these, who do get it.
// Source: istio pilot/pkg/networking/core/cluster_tls.go, buildUpstreamClusterTLSContext and constructUpstreamTLS.
func credentialWithoutSelector(v *mesh.View) []model.Finding {
	dropped := func(o outcome) bool {
		return !o.Call.Client.Gateway && custom(o.mode()) && o.Sent.Settings.GetCredentialName() != "" &&
			o.Sent.Mode == meshtlsv1alpha1.SendDisable
	}
	var findings []model.Finding
	for _, rule := range v.DestinationRules() {
		if !saysMode(rule, custom) {
			continue
		}
		for _, o := range outcomesOf(v, rule, question{at: anywhere, wanted: dropped}) {
			severity := lint.Error
			if len(v.SubsetsCalled(o.Call.Destination.Name, true)) > 0 {
				severity = lint.Info
			}
			f := lint.Finding(severity, model.KindDestinationRule, rule, o.field()+".credentialName")
			f.Message = fmt.Sprintf("Istio gives %s to sidecars only if the rule has a workloadSelector. Without one, what the sidecar of "+
				"pod %s/%s sends to %s leaves in plaintext.%s",
				o.Sent.Settings.CredentialName, o.Call.Client.Namespace, o.Call.Client.Example, o.where(), o.same())
			f.Remedy = "Select the clients by spec.workloadSelector, or name certificate files instead of a credential."
			findings = append(findings, f)
		}
		findings = append(findings, credentialForNobodyKnown(v, rule)...)
	}
	return findings
}

// credentialForNobodyKnown tells of the credentials of a rule for all workloads, where none is known: clients that are known are judged
// themselves.
func credentialForNobodyKnown(v *mesh.View, rule *istionetworkingv1.DestinationRule) []model.Finding {
	if v.Partial() || len(v.Workloads()) > 0 || rule.Spec.GetWorkloadSelector() != nil {
		return nil
	}
	var findings []model.Finding
	for tls, field := range mesh.TLSOf(&rule.Spec) {
		if !custom(tls.Mode) || tls.CredentialName == "" || strings.HasPrefix(tls.CredentialName, "configmap://") {
			continue
		}
		f := lint.Finding(lint.Info, model.KindDestinationRule, rule, field+".credentialName")
		f.Message = fmt.Sprintf("Istio gives %s to gateways, and to sidecars only if the rule has a workloadSelector: where a sidecar sends to "+
			"%s, that leaves in plaintext.", tls.CredentialName, rule.Spec.Host)
		f.Remedy = "Select the clients by spec.workloadSelector, or name certificate files instead of a credential."
		findings = append(findings, f)
	}
	return findings
}
