package app

import (
	"bytes"
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"time"
)

// readHeaderTimeout is what a client has to send the headers of a request.
const readHeaderTimeout = time.Minute

// tlsKey is where the context of a request holds the TLS of its connection.
type tlsKey struct{}

// web returns the part of the server that speaks HTTP.
func (p *port) web() *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler: http.HandlerFunc(p.answer), Protocols: protocols, ErrorLog: quiet(), ReadHeaderTimeout: readHeaderTimeout,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if spoken, ok := c.(*conversation); ok {
				return context.WithValue(ctx, tlsKey{}, spoken.tls)
			}
			return ctx
		},
	}
}

// answer answers a request of whatever kind with the report on it.
func (p *port) answer(w http.ResponseWriter, r *http.Request) {
	seen := reportOf(r)
	seen.TLS, _ = r.Context().Value(tlsKey{}).(*TLS)
	switch {
	case isGRPC(r):
		seen.Protocol = GRPC
		answerGRPC(w, r, p.report(seen))
	case isWebSocket(r):
		seen.Protocol = WebSocket
		answerWebSocket(w, r, p.report(seen))
	default:
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.Copy(w, bytes.NewReader(append(p.report(seen), '\n')))
	}
}

// quiet drops what a server logs of broken connections: breaking them is what tests do.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }
