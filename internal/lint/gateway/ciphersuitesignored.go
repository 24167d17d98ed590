package gateway

import (
	"fmt"
	"strings"

	networkingapi "istio.io/api/networking/v1alpha3"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "gateway-cipher-suites-ignored",
			Severity: []lint.Severity{lint.Error, lint.Info},
			Classes:  []string{"M46"},
			Finds: "cipher suites that Istio leaves out: names that it does not know, and all of them where only TLS 1.3 is spoken. " +
				"That one is there twice is an info.",
			Why: "Istio says so in a warning at admission and takes the rest. If nothing is left, the default suites are spoken.",
			Fix: "Use the names that Envoy has: `ECDHE-RSA-AES128-GCM-SHA256`.",
		},
		Find: cipherSuitesIgnored,
	})
}

// cipherSuitesIgnored tells of entries that Istio leaves out: names that it does not know, second mentions, and all of them where
// only TLS 1.3 is spoken.
// Source: istio pkg/config/security/security.go, FilterCipherSuites; pilot/pkg/networking/core/listener.go, applyServerTLSSettings.
func cipherSuitesIgnored(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for s := range v.Servers() {
		if !parameterized(s) || len(s.Tls.CipherSuites) == 0 {
			continue
		}
		findings = append(findings, ignoredSuites(s)...)
	}
	return findings
}

func ignoredSuites(s mesh.GatewayServer) []model.Finding {
	if minVersion(s.Tls) == networkingapi.ServerTLSSettings_TLSV1_3 {
		f := about(s, lint.Error, ".tls.cipherSuites")
		f.Message = "Only TLS 1.3 is spoken, which has suites of its own: all of these are ignored."
		f.Remedy = "Remove cipherSuites, or allow TLSV1_2."
		return []model.Finding{f}
	}
	var findings []model.Finding
	unknown, repeated := sortSuites(s.Tls.CipherSuites)
	if len(unknown) > 0 {
		f := about(s, lint.Error, ".tls.cipherSuites")
		f.Message = fmt.Sprintf("Istio does not know %s and leaves it out.", strings.Join(unknown, ", "))
		if len(unknown) == sets.New(s.Tls.CipherSuites...).Len() {
			f.Message = fmt.Sprintf("Istio knows none of the suites (%s) and leaves them out: what is spoken are the default ones.",
				strings.Join(unknown, ", "))
		}
		f.Remedy = "Use the names that Envoy has for them, such as ECDHE-RSA-AES128-GCM-SHA256."
		findings = append(findings, f)
	}
	if len(repeated) > 0 {
		f := about(s, lint.Info, ".tls.cipherSuites")
		f.Message = fmt.Sprintf("%s is there more than once; only the first mention counts.", strings.Join(repeated, ", "))
		f.Remedy = "Remove the others."
		findings = append(findings, f)
	}
	return findings
}

// sortSuites finds those that Istio does not know, and those that it does and that come twice.
func sortSuites(suites []string) (unknown, repeated []string) {
	seen, twice, strange := sets.New[string](), sets.New[string](), sets.New[string]()
	for _, suite := range suites {
		switch {
		case !cipherSuites.Has(suite) && !isExpression(suite):
			strange.Insert(suite)
		case seen.Has(suite):
			twice.Insert(suite)
		}
		seen.Insert(suite)
	}
	return sets.List(strange), sets.List(twice)
}
