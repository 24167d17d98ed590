package app

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
)

// The headers in which proxies of Istio tell an application about its client.
const (
	headerClientCertificate = "X-Forwarded-Client-Cert"
	headerScheme            = "X-Forwarded-Proto"
)

// Report is what a server saw of a request, or of a line.
type Report struct {
	// Server is the name of the server, and Port the port that it was asked at.
	Server string `json:"server"`
	Port   int    `json:"port"`
	// Protocol is what the client spoke.
	Protocol Protocol `json:"protocol"`
	// Remote is the client's end of the connection.
	Remote string `json:"remote"`
	// Host is the name that the client asked for.
	Host string `json:"host,omitempty"`
	// ClientCertificate is what a proxy before the server says of its client's certificate (X-Forwarded-Client-Cert).
	ClientCertificate string `json:"clientCertificate,omitempty"`
	// Scheme is what a proxy before the server says of how it was asked: http or https.
	Scheme string `json:"scheme,omitempty"`
	// TLS is what the server and its client agreed on, where they spoke TLS themselves.
	TLS *TLS `json:"tls,omitempty"`
}

// TLS is what the two ends of a TLS connection agreed on.
type TLS struct {
	Version     string `json:"version"`
	CipherSuite string `json:"cipherSuite"`
	ServerName  string `json:"serverName,omitempty"`
	// Peer is the other end's certificate; nil if it showed none.
	Peer *Certificate `json:"peer,omitempty"`
}

// Certificate is what a certificate says of its owner.
type Certificate struct {
	Subject string   `json:"subject"`
	Issuer  string   `json:"issuer"`
	Names   []string `json:"names,omitempty"`
}

// tlsOf returns what one end of a TLS connection knows of it.
func tlsOf(state *tls.ConnectionState) *TLS {
	if state == nil {
		return nil
	}
	agreed := &TLS{
		Version: tls.VersionName(state.Version), CipherSuite: tls.CipherSuiteName(state.CipherSuite), ServerName: state.ServerName,
	}
	if len(state.PeerCertificates) > 0 {
		agreed.Peer = certificateOf(state.PeerCertificates[0])
	}
	return agreed
}

func certificateOf(c *x509.Certificate) *Certificate {
	names := append([]string{}, c.DNSNames...)
	for _, uri := range c.URIs {
		names = append(names, uri.String())
	}
	return &Certificate{Subject: c.Subject.CommonName, Issuer: c.Issuer.CommonName, Names: names}
}

// reportOf returns what is seen of an HTTP request.
func reportOf(r *http.Request) Report {
	protocol := HTTP1
	if r.ProtoMajor == 2 {
		protocol = HTTP2
	}
	return Report{
		Protocol: protocol, Remote: r.RemoteAddr, Host: r.Host,
		ClientCertificate: r.Header.Get(headerClientCertificate), Scheme: r.Header.Get(headerScheme),
	}
}
