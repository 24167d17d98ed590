package credential

import (
	"fmt"
	"slices"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	addOfClients(lint.About{
		Name:     "destinationrule-credential-not-found",
		Severity: []lint.Severity{lint.Error},
		Classes:  []string{"M40"},
		Finds: "a DestinationRule whose credential is not in the namespace of the clients that it governs: gateways, and the " +
			"workloads that its `workloadSelector` selects.",
		Why: "Each client looks in its own namespace. Without the credential no connection is made.",
		Fix: "Put the Secret where the clients are.",
	}, credentialNotFound)
	addOfServers(lint.About{
		Name:     "gateway-credential-not-found",
		Severity: []lint.Severity{lint.Error},
		Classes:  []string{"M40"},
		Finds:    "a server whose credential is not in the namespace of the gateway's pods, whatever the namespace of the Gateway.",
		Why:      "The server serves nobody, and nothing but Istio's log says so.",
		Fix:      "Put the Secret where the pods are, also for each further namespace with pods that the Gateway selects.",
	}, credentialNotFound)
}

// credentialNotFound tells of a credential that is not where the proxies are.
// Source: istio pilot/pkg/credentials/kube/secrets.go, GetCertInfo, GetCaCert and GetConfigMapCaCert.
func credentialNotFound(v *mesh.View, w wanted) []model.Finding {
	if w.derived || w.misnamed() {
		return nil
	}
	if found, known := given(v, w); !known || found != nil {
		return nil
	}
	f := w.finding(lint.Error)
	what := fmt.Sprintf("%s %s", w.reference.kind, w.reference.name)
	if w.reference.kind == model.KindConfigMap {
		what += " with a CA (ca.crt or cacert)"
	}
	f.Message = fmt.Sprintf("There is no %s in namespace %s, where Istio looks for it%s: %s.", what, w.place(), whereElse(v, w), w.fails())
	f.Remedy = fmt.Sprintf("Create the %s in namespace %s, or name one that is there.", w.reference.kind, w.place())
	return []model.Finding{f}
}

// whereElse explains the place, and names another namespace in which there is such an object.
func whereElse(v *mesh.View, w wanted) string {
	why := ""
	if w.reference.namespace == "" {
		why = fmt.Sprintf(" since %s are there", w.proxiesAre())
	}
	if other := otherPlace(v, w); other != "" {
		why += fmt.Sprintf(" (there is one in namespace %s)", other)
	}
	return why
}

// otherPlace returns the namespace of the object that names the credential if there is such a one, or else the first that has it.
func otherPlace(v *mesh.View, w wanted) string {
	var places []string
	for _, c := range v.Credentials() {
		if c.Kind == w.reference.kind && c.Name == w.reference.name {
			places = append(places, c.Namespace)
		}
	}
	switch {
	case len(places) == 0:
		return ""
	case slices.Contains(places, w.object.GetNamespace()):
		return w.object.GetNamespace()
	default:
		return slices.Min(places)
	}
}
