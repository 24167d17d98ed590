package credential

import (
	"fmt"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	addOfClients(lint.About{
		Name:     "destinationrule-credential-in-other-namespace",
		Severity: []lint.Severity{lint.Error},
		Classes:  []string{"M40"},
		Finds:    "a DestinationRule that names a Secret of another namespace than its clients'.",
		Why:      "See [gateway-credential-in-other-namespace](#gateway-credential-in-other-namespace).",
		Fix:      "Copy the Secret to the clients.",
	}, credentialInOtherNamespace)
	addOfServers(lint.About{
		Name:     "gateway-credential-in-other-namespace",
		Severity: []lint.Severity{lint.Error},
		Classes:  []string{"M40"},
		Finds:    "a server that names a Secret of another namespace than that of the gateway's pods.",
		Why: "The form `namespace/name`, or `kubernetes://namespace/name`, is read, and then denied: Istio gives a proxy " +
			"Secrets of its own namespace only. The server serves nobody.",
		Fix: "Copy the Secret to the pods, by a tool that keeps the copy fresh, or use the Gateway API with a ReferenceGrant.",
	}, credentialInOtherNamespace)
}

// credentialInOtherNamespace tells of a Secret that is named with a namespace: Istio gives a proxy those of its own alone.
// Source: istio pilot/pkg/xds/sds.go, filterAuthorizedResources.
func credentialInOtherNamespace(_ *mesh.View, w wanted) []model.Finding {
	if !w.foreign() || w.derived {
		return nil
	}
	f := w.finding(lint.Error)
	f.Message = fmt.Sprintf("It names a Secret of namespace %s, %s are in %s, and Istio gives a proxy Secrets of its own namespace only: %s.",
		w.reference.namespace, w.proxiesAre(), w.proxies, w.fails())
	f.Remedy = fmt.Sprintf("Copy the Secret into namespace %s and name it without a namespace.", w.proxies)
	return []model.Finding{f}
}
