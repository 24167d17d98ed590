package app_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/meshtls/meshtls/test/mesh/app"
)

// serve serves one port on the loopback interface, and returns its address.
func serve(t *testing.T, authority *app.Authority, kind app.Kind) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		app.Server{Name: "server", Authority: authority}.Serve(ctx, listener, kind)
		close(done)
	}()
	t.Cleanup(func() { cancel(); <-done })
	return listener.Addr().String()
}

func newAuthority(t *testing.T, name string) *app.Authority {
	t.Helper()
	authority, err := app.NewAuthority(name)
	if err != nil {
		t.Fatal(err)
	}
	return authority
}

func certificate(t *testing.T, authority *app.Authority) []tls.Certificate {
	t.Helper()
	pair, err := authority.Issue("client.example.com")
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := pair.Load()
	if err != nil {
		t.Fatal(err)
	}
	return []tls.Certificate{loaded}
}

func exchange(t *testing.T, request app.Request) (*app.Session, app.Answer, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	session, err := app.Open(ctx, new(net.Dialer).DialContext, request)
	if err != nil {
		return session, app.Answer{}, err
	}
	defer func() { _ = session.Close() }()
	if _, err := session.Exchange(ctx); err != nil {
		return session, app.Answer{}, err
	}
	answer, err := session.Exchange(ctx) // a second time, on the same connection
	return session, answer, err
}

func TestProtocols(t *testing.T) {
	authority := newAuthority(t, "authority")
	plain, greeting, mutual := serve(t, authority, app.Any), serve(t, authority, app.Greeting), serve(t, authority, app.Mutual)
	oneWay := &tls.Config{RootCAs: authority.Pool(), ServerName: "server.example.com"}
	twoWay := oneWay.Clone()
	twoWay.Certificates = certificate(t, authority)
	tests := map[string]struct {
		address      string
		protocol     app.Protocol
		tls          *tls.Config
		wantProtocol app.Protocol
		wantPeer     string
	}{
		"HTTP/1.1":                    {address: plain, protocol: app.HTTP1},
		"HTTP/2":                      {address: plain, protocol: app.HTTP2},
		"gRPC":                        {address: plain, protocol: app.GRPC},
		"a WebSocket":                 {address: plain, protocol: app.WebSocket},
		"TCP":                         {address: plain, protocol: app.TCP},
		"a server that greets":        {address: greeting, protocol: app.ServerFirst, wantProtocol: app.TCP},
		"HTTP/1.1 in TLS":             {address: plain, protocol: app.HTTP1, tls: oneWay},
		"HTTP/2 in TLS":               {address: plain, protocol: app.HTTP2, tls: oneWay},
		"gRPC in TLS":                 {address: plain, protocol: app.GRPC, tls: oneWay},
		"a WebSocket in TLS":          {address: plain, protocol: app.WebSocket, tls: oneWay},
		"TCP in TLS":                  {address: plain, protocol: app.TCP, tls: oneWay},
		"HTTP/1.1 in mutual TLS":      {address: mutual, protocol: app.HTTP1, tls: twoWay, wantPeer: "client.example.com"},
		"TCP in mutual TLS":           {address: mutual, protocol: app.TCP, tls: twoWay, wantPeer: "client.example.com"},
		"a certificate not asked for": {address: plain, protocol: app.TCP, tls: twoWay, wantPeer: "client.example.com"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			session, answer, err := exchange(t, app.Request{Address: tc.address, Protocol: tc.protocol, Host: "server.example.com", TLS: tc.tls})
			if err != nil {
				t.Fatal(err)
			}
			if tc.wantProtocol == "" {
				tc.wantProtocol = tc.protocol
			}
			if got := answer.Report; got.Server != "server" || got.Protocol != tc.wantProtocol || got.Remote != session.Local.String() {
				t.Errorf("the server saw %+v, want %s from %s", got, tc.wantProtocol, session.Local)
			}
			sawTLS(t, session, answer.Report, tc.tls != nil, tc.wantPeer)
		})
	}
}

// sawTLS holds what both ends know of TLS against what was spoken.
func sawTLS(t *testing.T, session *app.Session, report app.Report, spoken bool, wantPeer string) {
	t.Helper()
	if !spoken {
		if report.TLS != nil || session.TLS != nil {
			t.Errorf("there was no TLS: the client knows of %+v, the server of %+v", session.TLS, report.TLS)
		}
		return
	}
	if report.TLS == nil || session.TLS == nil {
		t.Fatalf("there was TLS: the client knows of %+v, the server of %+v", session.TLS, report.TLS)
	}
	if session.TLS.Version != report.TLS.Version || report.TLS.ServerName != "server.example.com" || session.TLS.Peer.Issuer != "authority" {
		t.Errorf("the client knows of %+v, the server of %+v", session.TLS, report.TLS)
	}
	peer := ""
	if report.TLS.Peer != nil {
		peer = report.TLS.Peer.Subject
	}
	if peer != wantPeer {
		t.Errorf("the server saw the client %q, want %q", peer, wantPeer)
	}
}

func TestRefusals(t *testing.T) {
	authority, other := newAuthority(t, "authority"), newAuthority(t, "other")
	mutual, plain := serve(t, authority, app.Mutual), serve(t, authority, app.Any)
	tests := map[string]struct {
		request app.Request
		want    string
	}{
		"no certificate":                      {app.Request{Address: mutual, TLS: &tls.Config{RootCAs: authority.Pool(), ServerName: "server"}}, "certificate required"},
		"a certificate of another authority":  {app.Request{Address: mutual, TLS: &tls.Config{RootCAs: authority.Pool(), ServerName: "server", GetClientCertificate: always(certificate(t, other)[0])}}, "unknown certificate authority"},
		"a server of another authority":       {app.Request{Address: plain, TLS: &tls.Config{RootCAs: other.Pool(), ServerName: "server"}}, "certificate signed by unknown authority"},
		"plaintext where TLS is all there is": {app.Request{Address: mutual}, "EOF"},
		"a protocol that no client speaks":    {app.Request{Address: plain, Protocol: "telepathy"}, `no client speaks "telepathy"`},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if tc.request.Protocol == "" {
				tc.request.Protocol = app.HTTP1
			}
			if _, _, err := exchange(t, tc.request); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error: got %v, want %q in it", err, tc.want)
			}
		})
	}
}

// always shows a certificate, also to a server that does not want it.
func always(certificate tls.Certificate) func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certificate, nil }
}

func TestServeEnds(t *testing.T) {
	authority := newAuthority(t, "authority")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		app.Server{Name: "server", Authority: authority}.Serve(ctx, listener, app.Any)
		close(done)
	}()
	session, err := app.Open(t.Context(), new(net.Dialer).DialContext, app.Request{Address: listener.Addr().String(), Protocol: app.TCP})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := session.Exchange(t.Context()); err != nil {
		t.Fatal(err)
	}
	cancel()
	<-done
	if _, err := session.Exchange(t.Context()); err == nil {
		t.Error("a connection goes on after its server has ended")
	}
	if err := errors.Join(session.Close(), session.Close()); err != nil {
		t.Errorf("closing twice: %v", err)
	}
}

func TestAuthority(t *testing.T) {
	authority := newAuthority(t, "authority")
	expired, err := authority.IssueUntil(time.Now().Add(-time.Hour), "old.example.com", "10.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := expired.Load()
	if err != nil {
		t.Fatal(err)
	}
	if err := loaded.Leaf.VerifyHostname("10.0.0.1"); err != nil {
		t.Errorf("a certificate for an IP address: %v", err)
	}
	_, err = loaded.Leaf.Verify(x509.VerifyOptions{Roots: authority.Pool()})
	if invalid := (x509.CertificateInvalidError{}); !errors.As(err, &invalid) || invalid.Reason != x509.Expired {
		t.Errorf("verifying an expired certificate: got %v, want that it has expired", err)
	}
	encoded, err := authority.Revoke(expired)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(encoded)
	list, err := x509.ParseRevocationList(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if got := list.RevokedCertificateEntries; len(got) != 1 || got[0].SerialNumber.Cmp(loaded.Leaf.SerialNumber) != 0 {
		t.Errorf("revoked: got %v, want the one certificate", got)
	}
}
