package policy

import (
	"fmt"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	add(lint.About{
		Name:     "send-host-not-found",
		Severity: []lint.Severity{lint.Error, lint.Info},
		Reasons:  []string{meshtlsv1alpha1.ReasonHostNotFound},
		Finds:    "a host that no visible Service or ServiceEntry declares. It is rendered.",
		Why:      "Istio builds no cluster for it, so nothing carries the TLS.",
		Fix:      "Check the name, or declare the host by a ServiceEntry.",
	}, sendHostNotFound)
}

// sendHostNotFound tells of a host that the mesh does not know: Istio builds no cluster for it, so nothing carries the TLS.
// Source: istio pilot/pkg/networking/core/cluster.go (clusters are built from services, rules only shape them).
func sendHostNotFound(w world) []model.Finding {
	var findings []model.Finding
	for _, h := range w.sentHosts {
		if len(h.declared) > 0 {
			continue
		}
		f := h.subject.about(lint.Error, h.field)
		f.Message = fmt.Sprintf("No Service and no ServiceEntry visible in namespace %s declares %s.", h.subject.policy.Namespace, h.host)
		f.Remedy = "Check the name, or declare the host by a ServiceEntry; the entry takes effect when it is there."
		f.Absent = w.declarerOf(h)
		if alias, is := w.mesh().Destinations().Alias(h.host); is && alias.Host != "" {
			f.Message = fmt.Sprintf("%s is the name of an ExternalName Service, which stands for %s: Istio has no destination of its own for it.",
				h.host, alias.Host)
			f.Absent = model.ObjectRef{}
			f.Remedy = fmt.Sprintf("Send to %s, and declare that by a ServiceEntry if it is outside the cluster.", alias.Host)
		}
		if above := w.hosts.declaredAbove(h.host); above != "" {
			f.Message += fmt.Sprintf(" Calls of it go to %s, for which Istio looks for rules by that name.", above)
			f.Remedy = fmt.Sprintf("Declare the host by a ServiceEntry of its own, or send to %s.", above)
			f.Absent = model.ObjectRef{}
		}
		f.Condition, f.Reason = meshtlsv1alpha1.ConditionResolvedRefs, meshtlsv1alpha1.ReasonHostNotFound
		findings = append(findings, f)
	}
	return findings
}

// declarerOf returns the object that would declare the host: the Service of its name, or a ServiceEntry of the policy's namespace.
func (w world) declarerOf(h sentHost) model.ObjectRef {
	if namespace, name, isService := w.domain().Service(h.host); isService {
		return model.ObjectRef{Kind: model.KindService, Namespace: namespace, Name: name}
	}
	return model.ObjectRef{Kind: model.KindServiceEntry, Namespace: h.subject.policy.Namespace, Name: h.host}
}
