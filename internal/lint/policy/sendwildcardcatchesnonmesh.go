package policy

import (
	"fmt"
	"slices"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	add(lint.About{
		Name:     "send-wildcard-catches-non-mesh",
		Severity: []lint.Severity{lint.Warning},
		Finds:    "a wildcard with `IstioMutual` that covers a host outside the mesh.",
		Why:      "Such a host has no certificate of Istio's. Every connection to it fails.",
		Fix:      "Narrow the host, or use `Auto`.",
	}, sendWildcardCatchesNonMesh)
}

// sendWildcardCatchesNonMesh tells of a wildcard under IstioMutual that covers destinations outside the mesh: they have no
// certificate that Istio issued, and every connection to them fails.
func sendWildcardCatchesNonMesh(w world) []model.Finding {
	var findings []model.Finding
	for _, h := range w.sentHosts {
		outside := slices.IndexFunc(h.declared, func(d model.Host) bool { return d.External })
		if h.send.Mode != meshtlsv1alpha1.SendIstioMutual || !hosts.IsWildcard(h.host) || outside < 0 {
			continue
		}
		f := h.subject.about(lint.Warning, h.field)
		f.Message = fmt.Sprintf("%s also covers %s, which is outside the mesh and cannot speak Istio's mutual TLS.",
			h.host, h.declared[outside].Name)
		f.Remedy = "Narrow the host, or leave the mode to Istio with Auto."
		findings = append(findings, f)
	}
	return findings
}
