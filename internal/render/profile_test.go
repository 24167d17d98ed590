package render

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// istioSuites are all that Istio accepts in a Gateway; it drops others with no more than a warning.
// Source: istio pkg/config/security/security.go, ValidCipherSuites.
var istioSuites = map[meshtlsv1alpha1.CipherSuite]bool{
	"ECDHE-ECDSA-AES128-GCM-SHA256": true, "ECDHE-RSA-AES128-GCM-SHA256": true,
	"ECDHE-ECDSA-AES256-GCM-SHA384": true, "ECDHE-RSA-AES256-GCM-SHA384": true,
	"ECDHE-ECDSA-CHACHA20-POLY1305": true, "ECDHE-RSA-CHACHA20-POLY1305": true,
	"ECDHE-ECDSA-AES128-SHA": true, "ECDHE-RSA-AES128-SHA": true,
	"ECDHE-ECDSA-AES256-SHA": true, "ECDHE-RSA-AES256-SHA": true,
	"AES128-GCM-SHA256": true, "AES256-GCM-SHA384": true, "AES128-SHA": true, "AES256-SHA": true, "DES-CBC3-SHA": true,
}

func TestProfiles(t *testing.T) {
	fips := []string{
		"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
	}
	hybrid := []string{"X25519MLKEM768", "X25519", "P-256", "P-384"}
	aead := slices.Concat(fips, []string{"ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305"})
	tests := map[string]struct {
		server           meshtlsv1alpha1.Terminate
		before132        bool
		wantMin, wantMax string
		wantSuites       []string
		wantCurves       []string
	}{
		"modern":              {server: meshtlsv1alpha1.Terminate{Profile: "Modern"}, wantMin: "TLSV1_3", wantMax: "TLSV1_3", wantCurves: hybrid},
		"modern, before 1.32": {server: meshtlsv1alpha1.Terminate{Profile: "Modern"}, before132: true, wantMin: "TLSV1_3", wantMax: "TLSV1_3"},
		"intermediate": {
			server: meshtlsv1alpha1.Terminate{Profile: "Intermediate"}, wantMin: "TLSV1_2", wantMax: "TLSV1_3", wantSuites: aead, wantCurves: hybrid,
		},
		"FIPS": {
			server: meshtlsv1alpha1.Terminate{Profile: "FIPS"}, wantMin: "TLSV1_2", wantMax: "TLSV1_2", wantSuites: fips, wantCurves: []string{"P-256"},
		},
		"post-quantum, which is nothing without its curve": {
			server: meshtlsv1alpha1.Terminate{Profile: "PostQuantum"}, before132: true, wantMin: "TLSV1_3", wantMax: "TLSV1_3",
			wantCurves: []string{"X25519MLKEM768"},
		},
		"by hand": {
			server: meshtlsv1alpha1.Terminate{
				MinProtocolVersion: "TLSV1_0", MaxProtocolVersion: "TLSV1_1", CipherSuites: []meshtlsv1alpha1.CipherSuite{"AES128-SHA"},
				ECDHCurves: []meshtlsv1alpha1.ECDHCurve{"P-521"},
			},
			before132: true,
			wantMin:   "TLSV1_0", wantMax: "TLSV1_1", wantSuites: []string{"AES128-SHA"}, wantCurves: []string{"P-521"},
		},
		"nothing said": {wantMin: "TLS_AUTO", wantMax: "TLS_AUTO"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got := terminateTLS(&model.Server{Terminate: &tc.server, ProfileCurves: !tc.before132})
			if got.MinProtocolVersion.String() != tc.wantMin || got.MaxProtocolVersion.String() != tc.wantMax {
				t.Errorf("got %s to %s, want %s to %s", got.MinProtocolVersion, got.MaxProtocolVersion, tc.wantMin, tc.wantMax)
			}
			if diff := cmp.Diff(tc.wantSuites, got.CipherSuites); diff != "" {
				t.Errorf("suites (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.wantCurves, got.EcdhCurves); diff != "" {
				t.Errorf("curves (-want +got):\n%s", diff)
			}
		})
	}
}

// istioCurves are all that Istio knows.
// Source: istio pkg/config/security/security.go, ValidECDHCurves.
var istioCurves = map[meshtlsv1alpha1.ECDHCurve]bool{
	"P-224": true, "P-256": true, "P-384": true, "P-521": true, "X25519": true, "X25519Kyber768Draft00": true, "X25519MLKEM768": true,
}

func TestProfilesNameSuitesThatIstioAccepts(t *testing.T) {
	if len(profiles) != 4 {
		t.Errorf("got %d profiles, want all 4 of the API", len(profiles))
	}
	for name, profile := range profiles {
		for _, curve := range profile.curves {
			if !istioCurves[curve] {
				t.Errorf("profile %s has curve %s, which Istio does not know", name, curve)
			}
		}
		for _, suite := range profile.suites {
			if !istioSuites[suite] {
				t.Errorf("profile %s has %s, which Istio does not accept", name, suite)
			}
		}
	}
}
