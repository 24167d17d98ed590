package istio

import networkingapi "istio.io/api/networking/v1alpha3"

// NeedsCertificate reports whether a server of mode OPTIONAL_MUTUAL refuses clients that show no certificate all the same: Envoy asks
// every client for one where names or pins of certificates are verified, although Istio has it ask none.
// Source: envoy source/common/tls/cert_validator/default_validator.cc, initializeSslContexts; seen on real proxies, in test/mesh/policies.
func NeedsCertificate(tls *networkingapi.ServerTLSSettings) bool {
	return tls.GetMode() == networkingapi.ServerTLSSettings_OPTIONAL_MUTUAL &&
		len(tls.GetSubjectAltNames())+len(tls.GetVerifyCertificateSpki())+len(tls.GetVerifyCertificateHash()) > 0
}
