package lint

import (
	"fmt"
	"slices"
	"strings"

	networkingapi "istio.io/api/networking/v1alpha3"
	"k8s.io/apimachinery/pkg/util/sets"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// gatewayPassthroughWithCertificate tells of a server that has a certificate and does not end TLS: PASSTHROUGH is also what an omitted
// mode means.
// Source: istio pkg/config/validation/validation.go, validateTLSOptions; pkg/config/gateway/gateway.go, IsPassThroughServer.
func gatewayPassthroughWithCertificate(v *view) []model.Finding {
	var findings []model.Finding
	for s := range v.servers() {
		fields := certificateFields(s.GetTls())
		if !s.passesThrough() || len(fields) == 0 {
			continue
		}
		f := s.about(meshtlsv1alpha1.SeverityError, ".tls")
		f.Message = fmt.Sprintf("It sets %s, but its mode is PASSTHROUGH, which is also what an omitted mode means: "+
			"the gateway does not end TLS, and the certificate is ignored.", strings.Join(fields, ", "))
		if s.Tls.Mode == networkingapi.ServerTLSSettings_AUTO_PASSTHROUGH {
			f.Message = fmt.Sprintf("It sets %s, but its mode is AUTO_PASSTHROUGH: the gateway does not end TLS, and the certificate is ignored.",
				strings.Join(fields, ", "))
		}
		f.Remedy = "Set the mode to SIMPLE or MUTUAL, or remove the certificate."
		findings = append(findings, f)
	}
	return findings
}

// certificateFields are the fields that say which certificates are used.
func certificateFields(tls *networkingapi.ServerTLSSettings) []string {
	return slices.Concat(
		fieldIf("credentialName", tls.GetCredentialName() != ""),
		fieldIf("credentialNames", len(tls.GetCredentialNames()) > 0),
		fieldIf("serverCertificate", tls.GetServerCertificate() != ""),
		fieldIf("privateKey", tls.GetPrivateKey() != ""),
		fieldIf("tlsCertificates", len(tls.GetTlsCertificates()) > 0),
		fieldIf("caCertificates", tls.GetCaCertificates() != ""),
		fieldIf("caCertCredentialName", tls.GetCaCertCredentialName() != ""),
		fieldIf("caCrl", tls.GetCaCrl() != ""),
	)
}

func fieldIf(name string, set bool) []string {
	if !set {
		return nil
	}
	return []string{name}
}

// gatewayTLSParametersIgnored tells of versions and cipher suites beside ISTIO_MUTUAL. What is the same as without them does no harm.
// Source: istio pilot/pkg/networking/core/listener.go, BuildListenerTLSContext and isSimpleOrMutual.
func gatewayTLSParametersIgnored(v *view) []model.Finding {
	var findings []model.Finding
	for s := range v.servers() {
		if !s.speaksTLS() || s.Tls.Mode != networkingapi.ServerTLSSettings_ISTIO_MUTUAL {
			continue
		}
		fields := slices.Concat(
			fieldIf("minProtocolVersion", minVersion(s.Tls) != networkingapi.ServerTLSSettings_TLSV1_2),
			fieldIf("maxProtocolVersion", maxVersion(s.Tls) != networkingapi.ServerTLSSettings_TLSV1_3),
			fieldIf("cipherSuites", len(s.Tls.CipherSuites) > 0),
		)
		if len(fields) == 0 {
			continue
		}
		f := s.about(meshtlsv1alpha1.SeverityError, ".tls")
		f.Message = fmt.Sprintf("Istio ignores %s with mode ISTIO_MUTUAL.", strings.Join(fields, ", "))
		f.Remedy = "Remove them; what the mesh uses is set for all of it, by meshMTLS in the mesh config."
		findings = append(findings, f)
	}
	return findings
}

// minVersion and maxVersion are what holds where a server does not say.
// Source: Envoy's TlsParameters: a server takes TLS 1.2 and 1.3 by default.

func minVersion(tls *networkingapi.ServerTLSSettings) networkingapi.ServerTLSSettings_TLSProtocol {
	if tls.MinProtocolVersion == networkingapi.ServerTLSSettings_TLS_AUTO {
		return networkingapi.ServerTLSSettings_TLSV1_2
	}
	return tls.MinProtocolVersion
}

func maxVersion(tls *networkingapi.ServerTLSSettings) networkingapi.ServerTLSSettings_TLSProtocol {
	if tls.MaxProtocolVersion == networkingapi.ServerTLSSettings_TLS_AUTO {
		return networkingapi.ServerTLSSettings_TLSV1_3
	}
	return tls.MaxProtocolVersion
}

// parameterized says whether Istio uses the versions and cipher suites of the server.
func (s gatewayServer) parameterized() bool {
	return s.endsTLS() && s.Tls.Mode != networkingapi.ServerTLSSettings_ISTIO_MUTUAL
}

// gatewayTLSVersionsExcludeEachOther tells of a lowest version above the highest.
func gatewayTLSVersionsExcludeEachOther(v *view) []model.Finding {
	var findings []model.Finding
	for s := range v.servers() {
		if !s.parameterized() || minVersion(s.Tls) <= maxVersion(s.Tls) {
			continue
		}
		f := s.about(meshtlsv1alpha1.SeverityError, ".tls")
		f.Message = fmt.Sprintf("The lowest version is %s and the highest %s, so there is none to speak: every handshake fails.",
			minVersion(s.Tls), maxVersion(s.Tls))
		f.Remedy = "Lower minProtocolVersion, which is TLSV1_2 if it is not set, or raise maxProtocolVersion."
		findings = append(findings, f)
	}
	return findings
}

// gatewayOldTLSWithoutCiphers tells of TLS 1.0 or 1.1 without a cipher suite that these have. A list that is no list of names is not
// judged.
// Source: istio pkg/config/validation/validation.go, validateTLSOptions.
func gatewayOldTLSWithoutCiphers(v *view) []model.Finding {
	var findings []model.Finding
	for s := range v.servers() {
		if !s.parameterized() || minVersion(s.Tls) >= networkingapi.ServerTLSSettings_TLSV1_2 ||
			slices.ContainsFunc(s.Tls.CipherSuites, forOldTLS) {
			continue
		}
		f := s.about(meshtlsv1alpha1.SeverityError, ".tls.minProtocolVersion")
		f.Message = fmt.Sprintf("It allows %s, but the cipher suites have none for versions below TLS 1.2 (the default ones have not): "+
			"clients of these versions fail in the handshake.", minVersion(s.Tls))
		f.Remedy = "Add suites such as ECDHE-RSA-AES128-SHA to cipherSuites, or better allow nothing below TLSV1_2."
		findings = append(findings, f)
	}
	return findings
}

// forOldTLS says whether TLS 1.0 and 1.1 may have use of the entry of a list of cipher suites.
func forOldTLS(suite string) bool {
	return cipherSuites.Has(suite) && strings.HasSuffix(suite, "-SHA") || isExpression(suite)
}

// cipherSuites are those that Istio knows.
// Source: istio pkg/config/security/security.go, ValidCipherSuites.
var cipherSuites = sets.New(
	"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
	"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
	"ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
	"ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA", "ECDHE-RSA-AES256-SHA",
	"AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA", "AES256-SHA", "DES-CBC3-SHA",
)

// isExpression says whether the entry is more than a name, such as [A|B] or -C. Istio leaves these to Envoy.
// Source: istio pkg/config/security/security.go, IsValidCipherSuite.
func isExpression(suite string) bool {
	return suite == "" || suite == "ALL" || strings.IndexFunc(suite[:1], isLetterOrDigit) < 0
}

func isLetterOrDigit(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
}

// gatewayCipherSuitesIgnored tells of entries that Istio leaves out: names that it does not know, second mentions, and all of them where
// only TLS 1.3 is spoken.
// Source: istio pkg/config/security/security.go, FilterCipherSuites; pilot/pkg/networking/core/listener.go, applyServerTLSSettings.
func gatewayCipherSuitesIgnored(v *view) []model.Finding {
	var findings []model.Finding
	for s := range v.servers() {
		if !s.parameterized() || len(s.Tls.CipherSuites) == 0 {
			continue
		}
		findings = append(findings, ignoredSuites(s)...)
	}
	return findings
}

func ignoredSuites(s gatewayServer) []model.Finding {
	if minVersion(s.Tls) == networkingapi.ServerTLSSettings_TLSV1_3 {
		f := s.about(meshtlsv1alpha1.SeverityError, ".tls.cipherSuites")
		f.Message = "Only TLS 1.3 is spoken, which has suites of its own: all of these are ignored."
		f.Remedy = "Remove cipherSuites, or allow TLSV1_2."
		return []model.Finding{f}
	}
	var findings []model.Finding
	unknown, repeated := sortSuites(s.Tls.CipherSuites)
	if len(unknown) > 0 {
		f := s.about(meshtlsv1alpha1.SeverityError, ".tls.cipherSuites")
		f.Message = fmt.Sprintf("Istio does not know %s and leaves it out.", strings.Join(unknown, ", "))
		if len(unknown) == sets.New(s.Tls.CipherSuites...).Len() {
			f.Message = fmt.Sprintf("Istio knows none of the suites (%s) and leaves them out: what is spoken are the default ones.",
				strings.Join(unknown, ", "))
		}
		f.Remedy = "Use the names that Envoy has for them, such as ECDHE-RSA-AES128-GCM-SHA256."
		findings = append(findings, f)
	}
	if len(repeated) > 0 {
		f := s.about(meshtlsv1alpha1.SeverityInfo, ".tls.cipherSuites")
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
