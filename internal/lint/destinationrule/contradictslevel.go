package destinationrule

import (
	"fmt"
	"slices"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "destinationrule-contradicts-level",
			Severity: []lint.Severity{lint.Warning},
			Classes:  []string{"M01", "M02"},
			Finds: "a DestinationRule with `ISTIO_MUTUAL` for hosts of a namespace for which a PeerAuthentication of the namespace or the mesh says " +
				"`DISABLE`, or with `DISABLE` where that says `STRICT`, and no pod of the namespace is known. Of pods that are known " +
				"`destinationrule-mtls-to-disabled` and `destinationrule-plaintext-to-strict` tell.",
			Why: "Where a pod has a proxy, the calls fail.",
			Fix: "Remove the `tls`: Istio then does what the server takes. Or change the PeerAuthentication.",
		},
		Find: contradictsLevel,
	})
}

// contradictions are the modes of rules that fail where a namespace or the mesh accepts something, with what happens there.
var contradictions = map[networkingapi.ClientTLSSettings_TLSmode]struct {
	level        meshtlsv1alpha1.AcceptMode
	words, fails string
}{
	networkingapi.ClientTLSSettings_ISTIO_MUTUAL: {
		meshtlsv1alpha1.AcceptDisable, "DISABLE", "it takes no mutual TLS and hands it to the application, which cannot end it",
	},
	networkingapi.ClientTLSSettings_DISABLE: {meshtlsv1alpha1.AcceptStrict, "STRICT", "it takes mutual TLS alone and refuses the plaintext"},
}

// contradictsLevel tells of rules whose mode no pod with a proxy takes, in namespaces of which no pod is known.
func contradictsLevel(v *mesh.View) []model.Finding {
	if v.Partial() {
		return nil
	}
	var findings []model.Finding
	for _, rule := range v.DestinationRules() {
		level, where, said := levelOf(v, rule)
		if !said {
			continue
		}
		for tls, field := range mesh.TLSOf(&rule.Spec) {
			contradicts, is := contradictions[tls.Mode]
			if !is || level.Mode != contradicts.level {
				continue
			}
			f := lint.Finding(lint.Warning, model.KindDestinationRule, rule, field)
			f.Related = level.Origin.Object
			f.Message = fmt.Sprintf("The mode is %s, and %s says %s for %s: where a pod there has a proxy, %s.",
				tls.Mode, level.Origin, contradicts.words, where, contradicts.fails)
			f.Remedy = "Remove tls, so that Istio does what the server takes, or change the PeerAuthentication."
			findings = append(findings, f)
		}
	}
	return findings
}

// levelOf returns what a PeerAuthentication has the servers of the rule accept as a whole, and whose servers they are. It says nothing
// where pods are known, which are judged themselves, or may be told otherwise.
func levelOf(v *mesh.View, rule *istionetworkingv1.DestinationRule) (level istio.Accepted, where string, said bool) {
	host := v.HostOf(rule)
	namespace, name, isService := v.Domain().Service(host)
	if !isService {
		namespace, isService = v.Domain().ServicesNamespace(host)
	}
	server := mesh.Anybody(namespace)
	switch {
	case !isService:
		where = "the mesh"
		said = hosts.Covers(host, "*"+v.Domain().OfService("", "")) && len(v.Workloads()) == 0
	case len(v.Selected(namespace, nil)) > 0:
	default:
		where, said = "namespace "+namespace, true
		if service, known := v.Service(namespace, name); known {
			server.Labels = service.Selector
		} else if selectsPods(v, namespace) {
			said = false
		}
	}
	if !said {
		return istio.Accepted{}, "", false
	}
	level = v.Accept(server).Workload
	return level, where, level.Origin.Object.Kind == model.KindPeerAuthentication
}

// selectsPods reports whether a PeerAuthentication of the namespace is for some of its pods.
func selectsPods(v *mesh.View, namespace string) bool {
	return slices.ContainsFunc(v.PeerAuthentications(), func(pa *istiosecurityv1.PeerAuthentication) bool {
		return pa.Namespace == namespace && len(pa.Spec.GetSelector().GetMatchLabels()) > 0
	})
}
