package mesh

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"

	"github.com/meshtls/meshtls/test/mesh/app"
	"github.com/meshtls/meshtls/test/mesh/wire"
)

// Outcome is what becomes of a connection.
type Outcome string

const (
	// Refused: the application was not reached.
	Refused Outcome = "Refused"
	// Plaintext: it was reached, in plaintext.
	Plaintext Outcome = "Plaintext"
	// TLS: it was reached in TLS that shows no client certificate.
	TLS Outcome = "TLS"
	// MutualTLS: it was reached in TLS in which both ends show certificates.
	MutualTLS Outcome = "MutualTLS"
	// Unseen: it was reached, but not over a connection between pods, or the proxies were too slow to say over which.
	Unseen Outcome = "Unseen"
)

// Hop is a connection between two pods.
type Hop struct {
	wire.Flow

	// To is the pod that the connection leads to, as namespace/name; empty if it is none.
	To string
	// Client is the identity of the client as the server's proxy saw it, and Server that of the server as the client's proxy saw it.
	Client, Server string
	// ClientSubject is the subject of the client's certificate, as the server's proxy saw it.
	ClientSubject string
	// Version and Cipher are those of TLS, where a proxy is at one of the ends.
	Version, Cipher string
	// ServerFailure and ClientFailure are why TLS failed, in the words of the server's and of the client's proxy.
	ServerFailure, ClientFailure string
}

// Outcome returns what was on the wire.
func (h Hop) Outcome() Outcome {
	switch {
	case !h.Sent:
		return Refused
	case h.Plaintext():
		return Plaintext
	case h.Client != "" || h.ClientSubject != "":
		return MutualTLS
	}
	return TLS
}

// Result is what became of a call.
type Result struct {
	// Err is why the client has no answer.
	Err error
	// Answer is what the client got.
	Answer app.Answer
	// TLS is the client's own TLS, if it spoke any.
	TLS *app.TLS
	// Hops are the connections between pods that carried the call, in their order.
	Hops []Hop
	// Flags are Envoy's response flags, as the first proxy on the way logged them.
	Flags string
}

// Reached reports whether the application answered.
func (r Result) Reached() bool { return r.Err == nil && r.Answer.Report.Server != "" }

// Outcome returns what the call's last hop was, if the application was reached. Whether TLS of the application's own is mutual, only the
// application knows.
func (r Result) Outcome() Outcome {
	switch {
	case !r.Reached():
		return Refused
	case len(r.Hops) == 0:
		return Unseen
	}
	outcome := r.Hops[len(r.Hops)-1].Outcome()
	if own := r.Answer.Report.TLS; outcome == TLS && own != nil && own.Peer != nil {
		return MutualTLS
	}
	return outcome
}

// How says in a few words how the client was refused; empty if it was not.
func (r Result) How() string {
	switch {
	case r.Reached():
		return ""
	case r.Err == nil:
		return strings.TrimSpace(fmt.Sprintf("%d %s %s", r.Answer.Status, http.StatusText(r.Answer.Status), r.Flags))
	}
	return how(r.Err)
}

// how says in a few words what an error of a connection is.
func how(err error) string {
	var alert tls.AlertError
	var untrusted *tls.CertificateVerificationError
	var plain tls.RecordHeaderError
	var remote *net.OpError
	switch {
	case errors.As(err, &untrusted):
		return "certificate: " + certificate(untrusted.Err)
	case errors.As(err, &alert):
		return "alert: " + strings.TrimPrefix(alert.Error(), "tls: ")
	case errors.As(err, &remote) && remote.Op == "remote error":
		return "alert: " + strings.TrimPrefix(remote.Err.Error(), "tls: ")
	case errors.As(err, &plain):
		return "no TLS there"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "reset"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nobody listens"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return "no answer"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "closed"
	}
	return err.Error()
}

// certificate says what a client has against a certificate.
func certificate(err error) string {
	var name x509.HostnameError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &name):
		return "wrong name"
	case errors.As(err, &unknown):
		return "unknown authority"
	}
	return err.Error()
}

// String returns the result in one line.
func (r Result) String() string {
	var line strings.Builder
	_, _ = fmt.Fprintf(&line, "%s", r.Outcome())
	if refusal := r.How(); refusal != "" {
		_, _ = fmt.Fprintf(&line, " (%s)", refusal)
	}
	for _, hop := range r.Hops {
		_, _ = fmt.Fprintf(&line, "; to %s %s", hop.To, hop.Outcome())
		for name, value := range map[string]string{"server name": hop.Hello.ServerName} {
			if value != "" {
				_, _ = fmt.Fprintf(&line, ", %s %s", name, value)
			}
		}
		for _, part := range []string{hop.Version, hop.Client, hop.Server, hop.Alert, hop.ServerFailure, hop.ClientFailure} {
			if part != "" {
				_, _ = fmt.Fprintf(&line, ", %s", part)
			}
		}
	}
	return line.String()
}
