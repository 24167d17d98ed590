package render

import (
	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// versions are the TLS versions and cipher suites of a server.
type versions struct {
	min, max meshtlsv1alpha1.TLSVersion
	// suites are for TLS 1.2 and below: TLS 1.3 has its own, which Envoy does not let one choose.
	suites []meshtlsv1alpha1.CipherSuite
}

// aesGCM are the forward-secret suites with AES in an authenticated mode.
var aesGCM = []meshtlsv1alpha1.CipherSuite{
	"ECDHE-ECDSA-AES128-GCM-SHA256",
	"ECDHE-RSA-AES128-GCM-SHA256",
	"ECDHE-ECDSA-AES256-GCM-SHA384",
	"ECDHE-RSA-AES256-GCM-SHA384",
}

// profiles are what the named profiles stand for.
//
// Modern and Intermediate are the configurations of the same name in Mozilla's "Security/Server Side TLS" guidelines. Of the
// suites that Intermediate has for TLS 1.2, the DHE ones are missing here: neither Envoy nor Istio knows them.
// FIPS is what istiod allows under COMPLIANCE_POLICY=fips-140-2 (istio pkg/model/fips.go): TLS 1.2 and no other version.
var profiles = map[meshtlsv1alpha1.TLSProfile]versions{
	meshtlsv1alpha1.ProfileModern: {min: meshtlsv1alpha1.TLSV13, max: meshtlsv1alpha1.TLSV13},
	meshtlsv1alpha1.ProfileIntermediate: {
		min: meshtlsv1alpha1.TLSV12, max: meshtlsv1alpha1.TLSV13,
		suites: append(aesGCM[:4:4], "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305"),
	},
	meshtlsv1alpha1.ProfileFIPS: {min: meshtlsv1alpha1.TLSV12, max: meshtlsv1alpha1.TLSV12, suites: aesGCM},
}

// versionsOf returns the versions and suites of the server: its profile's, else what it sets by hand.
func versionsOf(t *meshtlsv1alpha1.Terminate) versions {
	if chosen, named := profiles[t.Profile]; named {
		return chosen
	}
	return versions{min: t.MinProtocolVersion, max: t.MaxProtocolVersion, suites: t.CipherSuites}
}
