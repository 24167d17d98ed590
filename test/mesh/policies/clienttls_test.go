package policies

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/meshtls/meshtls/test/mesh/app"
)

// clientTLS is the TLS that an application speaks itself.
type clientTLS string

const (
	noTLS clientTLS = ""
	// oneWay: the client shows no certificate.
	oneWay clientTLS = "one-way"
	// withCertificate: it shows one of the authority that everybody knows.
	withCertificate clientTLS = "certificate"
	// withForeign: it shows one of an authority that nobody knows.
	withForeign clientTLS = "foreign certificate"
	// withExpired: its certificate has expired.
	withExpired clientTLS = "expired certificate"
	// withRevoked: its certificate is on the revocation list.
	withRevoked clientTLS = "revoked certificate"
)

// issue issues the certificates that clients show.
func (w *world) issue() error {
	w.certificates, w.pairs = map[clientTLS]tls.Certificate{}, map[clientTLS]app.Pair{}
	for kind, by := range map[clientTLS]*app.Authority{
		withCertificate: w.Authority, withForeign: w.stranger, withExpired: w.Authority, withRevoked: w.Authority,
	} {
		until := time.Now().Add(time.Hour)
		if kind == withExpired {
			until = time.Now().Add(-time.Hour)
		}
		pair, err := by.IssueUntil(until, "client.example.com")
		if err != nil {
			return err
		}
		if w.certificates[kind], err = pair.Load(); err != nil {
			return fmt.Errorf("loading the %s: %w", kind, err)
		}
		w.pairs[kind] = pair
	}
	leaf := w.certificates[withCertificate].Leaf
	key, whole := sha256.Sum256(leaf.RawSubjectPublicKeyInfo), sha256.Sum256(leaf.Raw)
	w.pins = strings.NewReplacer("SPKI", base64.StdEncoding.EncodeToString(key[:]), "HASH", hex.EncodeToString(whole[:]))
	return nil
}

// configOf returns the TLS of a call.
func (w *world) configOf(c call) *tls.Config {
	config := &tls.Config{RootCAs: w.Authority.Pool(), ServerName: c.host}
	if certificate, ok := w.certificates[c.tls]; ok { // shown in any case, also to a server that names other authorities
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certificate, nil }
	}
	if c.adjust != nil {
		c.adjust(config)
	}
	return config
}
