package evidence

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// maxAnswer is the most that is read of an answer: a source that sends more is broken, or somebody else's.
const maxAnswer = 16 << 20

var (
	errTooLarge  = fmt.Errorf("the answer is larger than %d MiB", maxAnswer>>20)
	errElsewhere = errors.New("the answer leads to another host")
)

// newHTTPClient returns a client that follows no redirect to another host, reads no answer without end, and trusts the authorities
// of the file, if one is named, in place of the system's.
func newHTTPClient(caFile, tokenFile string, timeout time.Duration) (*http.Client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if caFile != "" {
		pool, err := authorities(caFile)
		if err != nil {
			return nil, err
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return clientOver(&bounded{next: transport, tokenFile: tokenFile}, timeout), nil
}

// directClient returns such a client that asks no HTTP proxy of the environment.
func directClient(dial Dialer, timeout time.Duration) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	if dial != nil {
		transport.DialContext = dial
	}
	return clientOver(&bounded{next: transport}, timeout)
}

func clientOver(transport http.RoundTripper, timeout time.Duration) *http.Client {
	return &http.Client{Transport: transport, CheckRedirect: sameHost, Timeout: timeout}
}

func authorities(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file) // #nosec G304 -- whoever runs the program names it
	if err != nil {
		return nil, fmt.Errorf("reading the certificate authorities: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("reading the certificate authorities: %s holds no certificate in PEM", file)
	}
	return pool, nil
}

// sameHost stops at a redirect that leaves the host that was asked: the token would go there, and the answer would come from there.
func sameHost(next *http.Request, before []*http.Request) error {
	const most = 3
	first := before[0].URL
	if next.URL.Host != first.Host || next.URL.Scheme != first.Scheme {
		return fmt.Errorf("%w: %s", errElsewhere, next.URL.Host)
	}
	if len(before) > most {
		return errors.New("the answer leads in circles")
	}
	return nil
}

// bounded gives requests the token of the file, which may change, and answers an end.
type bounded struct {
	next      http.RoundTripper
	tokenFile string
}

// RoundTrip is http.RoundTripper's.
func (b *bounded) RoundTrip(request *http.Request) (*http.Response, error) {
	if b.tokenFile != "" {
		token, err := os.ReadFile(b.tokenFile)
		if err != nil {
			return nil, fmt.Errorf("reading the token: %w", err)
		}
		request = request.Clone(request.Context())
		request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	}
	response, err := b.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	response.Body = &boundedBody{ReadCloser: response.Body, left: maxAnswer}
	return response, nil
}

// boundedBody fails where an answer goes on.
type boundedBody struct {
	io.ReadCloser
	left int
}

// Read is io.Reader's.
func (b *boundedBody) Read(into []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLarge
	}
	n, err := b.ReadCloser.Read(into[:min(len(into), b.left)])
	b.left -= n
	return n, err
}

// hostOf returns the host of an address, for messages; credentials in it are never shown.
func hostOf(address string) string {
	if parsed, err := url.Parse(address); err == nil && parsed.Host != "" {
		return parsed.Host
	}
	return "the address that was given"
}
