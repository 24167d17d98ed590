package peerauthentication

import (
	"fmt"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "peerauthentication-named-like-service",
			Severity: []lint.Severity{lint.Info},
			Classes:  []string{"M55"},
			Finds:    "a PeerAuthentication without a selector that bears the name of a Service of its namespace.",
			Why:      "A name selects nothing: it is for all pods of the namespace, and in Istio's root namespace for the mesh.",
			Fix:      "Select the Service's pods by `selector`. If the namespace is meant, call it `default`, as is usual.",
		},
		Find: namedLikeService,
	})
}

// namedLikeService tells of one for a whole namespace that is called as one for a single Service would be.
// Source: istio pilot/pkg/model/authentication.go, addPeerAuthentication: without a selector it is the namespace's.
func namedLikeService(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for _, pa := range v.PeerAuthentications() {
		service, is := v.Service(pa.Namespace, pa.Name)
		if !is || len(peerSelector(pa)) > 0 {
			continue
		}
		f := lint.Finding(lint.Info, model.KindPeerAuthentication, pa, "spec.selector")
		f.Related = model.ObjectRef{Kind: model.KindService, Namespace: service.Namespace, Name: service.Name}
		scope := "all pods of namespace " + pa.Namespace
		if pa.Namespace == v.Mesh().RootNamespace {
			scope = "all pods of the mesh"
		}
		f.Message = fmt.Sprintf("It has no selector, so it is for %s, and not only for those of Service %s.", scope, service.Name)
		f.Remedy = "Add the labels of the Service's pods as selector.matchLabels, or give it another name if the whole is meant."
		findings = append(findings, f)
	}
	return findings
}
