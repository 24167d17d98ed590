package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/client-go/util/cert"
)

func TestCheckMetricsCertificate(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		files     []string
		plaintext bool
		want      string
	}{
		"a certificate and its key":           {files: []string{"tls.crt", "tls.key"}},
		"a key that is not there":             {files: []string{"tls.crt"}, want: "tls.key: no such file or directory"},
		"a certificate that nobody would see": {files: []string{"tls.crt", "tls.key"}, plaintext: true, want: "--metrics-secure=false"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := checkMetricsCertificate(settings{metricsSecure: !tc.plaintext, metricsCertPath: newCertificate(t, tc.files...)})
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("got the error %v, want one with %q", err, tc.want)
			}
		})
	}
	if err := checkMetricsCertificate(settings{}); err != nil {
		t.Errorf("without a certificate: got the error %v, want none", err)
	}
}

func TestMetricsCertificateIsServed(t *testing.T) {
	t.Parallel()
	got := managerOptions(settings{metricsSecure: true, metricsCertPath: "/certificates"}).Metrics
	if got.CertDir != "/certificates" || got.CertName != "tls.crt" || got.KeyName != "tls.key" {
		t.Errorf("got %s, %s and %s, want tls.crt and tls.key of /certificates", got.CertDir, got.CertName, got.KeyName)
	}
}

// newCertificate returns a folder with the named files of a certificate.
func newCertificate(t *testing.T, files ...string) string {
	t.Helper()
	certificate, key, err := cert.GenerateSelfSignedCertKey("meshtls-metrics", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for _, name := range files {
		content := map[string][]byte{"tls.crt": certificate, "tls.key": key}[name]
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}
