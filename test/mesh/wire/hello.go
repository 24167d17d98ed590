package wire

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
)

const (
	// recordHandshake is the type of a TLS record that holds a handshake; recordAlert of one that holds an alert.
	recordHandshake, recordAlert = 22, 21
	// recordHeader is the length of what stands before the content of a record: type, version, length.
	recordHeader = 5
	// enough is how much of what a client sends is looked at: the longest hello that clients send has less.
	enough = 8 << 10
)

// istioProtocol begins every application protocol that only Istio's proxies offer each other.
const istioProtocol = "istio"

// Hello is what a TLS client says first, in the clear.
type Hello struct {
	ServerName string
	Protocols  []string
}

// Istio reports whether the client is a proxy of Istio's that offers the mesh's mutual TLS.
func (h *Hello) Istio() bool {
	for _, protocol := range h.Protocols {
		if strings.HasPrefix(protocol, istioProtocol) {
			return true
		}
	}
	return false
}

// startsTLS reports whether a client's first bytes are those of a TLS handshake.
func startsTLS(sent []byte) bool {
	return len(sent) > 1 && sent[0] == recordHandshake && sent[1] == 3
}

// parseHello reads the hello of a client; nil while there is not all of it.
func parseHello(sent []byte) *Hello {
	var hello *Hello
	config := &tls.Config{GetConfigForClient: func(info *tls.ClientHelloInfo) (*tls.Config, error) {
		hello = &Hello{ServerName: info.ServerName, Protocols: info.SupportedProtos}
		return nil, errors.New("seen")
	}}
	_ = tls.Server(&recorded{sent: bytes.NewReader(sent)}, config).Handshake() // it fails: the client is not there any more
	return hello
}

// alert returns what a plain TLS alert at the start of what was sent says; empty if it is none.
func alert(sent []byte) string {
	if len(sent) < recordHeader+2 || sent[0] != recordAlert || sent[1] != 3 || int(sent[3])<<8|int(sent[4]) != 2 {
		return ""
	}
	return strings.TrimPrefix(tls.AlertError(sent[recordHeader+1]).Error(), "tls: ")
}

// recorded is a connection whose other end has said all that it will ever say. Nothing else is asked of it in a handshake.
type recorded struct {
	net.Conn

	sent io.Reader
}

// Read reads what was said.
func (r *recorded) Read(b []byte) (int, error) { return r.sent.Read(b) }

// Write drops the answer.
func (*recorded) Write(b []byte) (int, error) { return len(b), nil }
