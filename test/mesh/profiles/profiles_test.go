package profiles

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/test/mesh"
)

// The clients, by what they offer.
var (
	hybrid    = tls.Config{CurvePreferences: []tls.CurveID{tls.X25519MLKEM768, tls.X25519}}
	classical = tls.Config{CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256}}
	x25519    = tls.Config{CurvePreferences: []tls.CurveID{tls.X25519}}
	tls12     = tls.Config{MaxVersion: tls.VersionTLS12, CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256}}
)

// TestHandshakes: whom each profile lets in, and how keys are agreed on.
func TestHandshakes(t *testing.T) {
	mesh.Require(t)
	tests := map[string]struct {
		profile meshtlsv1alpha1.TLSProfile
		client  *tls.Config
		// want is the group that is used; 0: the handshake fails.
		want tls.CurveID
	}{
		"post-quantum, with a client that offers it": {meshtlsv1alpha1.ProfilePostQuantum, &hybrid, tls.X25519MLKEM768},
		"post-quantum, with one that does not":       {meshtlsv1alpha1.ProfilePostQuantum, &classical, 0},
		"post-quantum, with TLS 1.2":                 {meshtlsv1alpha1.ProfilePostQuantum, &tls12, 0},
		"modern prefers the hybrid":                  {meshtlsv1alpha1.ProfileModern, &hybrid, tls.X25519MLKEM768},
		"modern lets others in":                      {meshtlsv1alpha1.ProfileModern, &classical, tls.X25519},
		"modern, with TLS 1.2":                       {meshtlsv1alpha1.ProfileModern, &tls12, 0},
		"intermediate, with TLS 1.2":                 {meshtlsv1alpha1.ProfileIntermediate, &tls12, tls.X25519},
		"FIPS has one curve":                         {meshtlsv1alpha1.ProfileFIPS, &tls12, tls.CurveP256},
		"FIPS, with a client that has another one":   {meshtlsv1alpha1.ProfileFIPS, &x25519, 0},
	}
	addresses := map[meshtlsv1alpha1.TLSProfile]string{}
	for _, tc := range tests {
		if addresses[tc.profile] == "" {
			addresses[tc.profile] = serve(t, parameters(rendered(tc.profile)))
		}
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := agreed(t, addresses[tc.profile], tc.client); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

// agreed returns the group that client and server agree on, once a request was answered; 0: they do not agree.
func agreed(t *testing.T, address string, config *tls.Config) tls.CurveID {
	t.Helper()
	config = config.Clone()
	config.InsecureSkipVerify = true // #nosec G402 -- the certificate signs itself
	dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: 10 * time.Second}, Config: config}
	connection, err := dialer.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Log(err)
		return 0
	}
	defer func() { _ = connection.Close() }()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://edge.example.com/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true
	if err := request.Write(connection); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(connection)
	if err != nil || len(answer) == 0 {
		t.Fatalf("got answer %q, %v", answer, err)
	}
	encrypted, _ := connection.(*tls.Conn) // a Dialer's connections are
	return encrypted.ConnectionState().CurveID
}
