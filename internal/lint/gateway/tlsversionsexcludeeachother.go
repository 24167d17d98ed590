package gateway

import (
	"fmt"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "gateway-tls-versions-exclude-each-other",
			Severity: []lint.Severity{lint.Error},
			Classes:  []string{"M46"},
			Finds:    "a lowest TLS version above the highest.",
			Why:      "No version is left, and every handshake fails. The lowest is TLS 1.2 where nothing is said.",
			Fix:      "Lower the one or raise the other.",
		},
		Find: tlsVersionsExcludeEachOther,
	})
}

// tlsVersionsExcludeEachOther tells of a lowest version above the highest.
func tlsVersionsExcludeEachOther(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for s := range v.Servers() {
		if !parameterized(s) || minVersion(s.Tls) <= maxVersion(s.Tls) {
			continue
		}
		f := about(s, lint.Error, ".tls")
		f.Message = fmt.Sprintf("The lowest version is %s and the highest %s, so there is none to speak: every handshake fails.",
			minVersion(s.Tls), maxVersion(s.Tls))
		f.Remedy = "Lower minProtocolVersion, which is TLSV1_2 if it is not set, or raise maxProtocolVersion."
		findings = append(findings, f)
	}
	return findings
}
