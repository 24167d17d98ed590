package render

import (
	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// versions are the TLS versions, cipher suites and curves of a server.
type versions struct {
	min, max meshtlsv1alpha1.TLSVersion
	// suites are for TLS 1.2 and below: TLS 1.3 has its own, which Envoy does not let one choose.
	suites []meshtlsv1alpha1.CipherSuite
	curves []meshtlsv1alpha1.ECDHCurve
}

// hybridFirst are Mozilla's curves, behind the hybrid of the first of them that quantum computers do not break.
var hybridFirst = []meshtlsv1alpha1.ECDHCurve{
	meshtlsv1alpha1.X25519MLKEM768, meshtlsv1alpha1.X25519, meshtlsv1alpha1.P256, meshtlsv1alpha1.P384,
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
// FIPS is what istiod allows under COMPLIANCE_POLICY=fips-140-2 (istio pkg/model/fips.go): TLS 1.2, no other
// version, and P-256. PostQuantum is what pqc means there.
var profiles = map[meshtlsv1alpha1.TLSProfile]versions{
	meshtlsv1alpha1.ProfileModern: {min: meshtlsv1alpha1.TLSV13, max: meshtlsv1alpha1.TLSV13, curves: hybridFirst},
	meshtlsv1alpha1.ProfileIntermediate: {
		min: meshtlsv1alpha1.TLSV12, max: meshtlsv1alpha1.TLSV13,
		suites: append(aesGCM[:4:4], "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305"),
		curves: hybridFirst,
	},
	meshtlsv1alpha1.ProfileFIPS: {
		min: meshtlsv1alpha1.TLSV12, max: meshtlsv1alpha1.TLSV12, suites: aesGCM,
		curves: []meshtlsv1alpha1.ECDHCurve{meshtlsv1alpha1.P256},
	},
	meshtlsv1alpha1.ProfilePostQuantum: {
		min: meshtlsv1alpha1.TLSV13, max: meshtlsv1alpha1.TLSV13, curves: []meshtlsv1alpha1.ECDHCurve{meshtlsv1alpha1.X25519MLKEM768},
	},
}

// versionsOf returns the versions, suites and curves of the server: its profile's, else what it sets by hand. The curves of a profile are
// left out where the mesh's Gateways may have none; one that is nothing without its curves is not planned there.
func versionsOf(s *model.Server) versions {
	t := s.Terminate
	chosen, named := profiles[t.Profile]
	if !named {
		return versions{min: t.MinProtocolVersion, max: t.MaxProtocolVersion, suites: t.CipherSuites, curves: t.ECDHCurves}
	}
	if !s.ProfileCurves && t.Profile != meshtlsv1alpha1.ProfilePostQuantum {
		chosen.curves = nil
	}
	return chosen
}
