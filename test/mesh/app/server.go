package app

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"sync"
)

// greeting is what a server that speaks first says.
const greeting = "220 ready\n"

// recordHandshake is how a client of TLS begins.
const recordHandshake = 22

// Server answers each request with what it saw of it.
type Server struct {
	// Name is what the server calls itself.
	Name string
	// Authority issues the certificates that it shows, each for the name that its client asks for, and is whom it trusts.
	Authority *Authority
}

// Serve serves until the context ends, which closes the listener and every connection.
func (s Server) Serve(ctx context.Context, listener net.Listener, kind Kind) {
	p := &port{Server: s, kind: kind, number: listener.Addr().(*net.TCPAddr).Port, requests: make(chan net.Conn), open: map[net.Conn]bool{}}
	web := p.web()
	context.AfterFunc(ctx, func() { _, _, _ = listener.Close(), web.Close(), p.close() })
	go func() { _ = web.Serve(handed{p.requests, listener.Addr(), ctx.Done()}) }() // it ends when it is closed
	for {
		connection, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil && p.track(connection) {
			go p.serve(ctx, connection)
		}
	}
}

// port is a port that a server serves.
type port struct {
	Server

	kind     Kind
	number   int
	requests chan net.Conn

	mu   sync.Mutex
	open map[net.Conn]bool // nil when the port is closed
}

// track remembers a connection, so that it ends with the port.
func (p *port) track(connection net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open == nil {
		_ = connection.Close()
		return false
	}
	p.open[connection] = true
	return true
}

func (p *port) forget(connection net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, connection)
}

func (p *port) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var err error
	for connection := range p.open {
		err = errors.Join(err, connection.Close())
	}
	p.open = nil
	return err
}

// serve finds out what the client speaks, and answers it.
func (p *port) serve(ctx context.Context, raw net.Conn) {
	c := &conversation{Conn: raw, reader: bufio.NewReader(raw), done: func() { p.forget(raw) }}
	if p.kind == Greeting {
		_, _ = io.WriteString(c, greeting)
		p.lines(c)
		return
	}
	if p.kind == Mutual || startsTLS(c.reader) {
		var err error
		if c, err = p.secure(ctx, c); err != nil {
			return
		}
	}
	if !startsHTTP(c.reader) {
		p.lines(c)
		return
	}
	select {
	case p.requests <- c:
	case <-ctx.Done():
		_ = c.Close()
	}
}

// secure does the server's part of a TLS handshake, and returns what is inside. A connection on which it fails is closed.
func (p *port) secure(ctx context.Context, outside *conversation) (*conversation, error) {
	config := p.Authority.forAnyName(p.Name)
	config.NextProtos = []string{"h2", "http/1.1"}
	if p.kind == Mutual {
		config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, p.Authority.Pool()
	}
	secured := tls.Server(outside, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, secured.Close())
	}
	state := secured.ConnectionState()
	return &conversation{Conn: secured, reader: bufio.NewReader(secured), tls: tlsOf(&state), done: func() {}}, nil
}

// startsTLS reports whether a client begins with a TLS handshake.
func startsTLS(reader *bufio.Reader) bool {
	first, err := reader.Peek(1)
	return err == nil && first[0] == recordHandshake
}

// startsHTTP reports whether a client begins with the method of an HTTP request.
func startsHTTP(reader *bufio.Reader) bool {
	for length := 1; length <= len("OPTIONS "); length++ {
		start, err := reader.Peek(length)
		if err != nil {
			return false
		}
		switch letter := start[length-1]; {
		case letter == ' ':
			return length > 1
		case letter < 'A' || letter > 'Z':
			return false
		}
	}
	return false
}

// lines answers each line.
func (p *port) lines(c *conversation) {
	defer func() { _ = c.Close() }()
	for {
		if _, err := c.reader.ReadBytes('\n'); err != nil {
			return
		}
		report := p.report(Report{Protocol: TCP, Remote: c.RemoteAddr().String(), TLS: c.tls})
		if _, err := c.Write(append(report, '\n')); err != nil {
			return
		}
	}
}

// report completes and encodes a report.
func (p *port) report(r Report) []byte {
	r.Server, r.Port = p.Name, p.number
	encoded, err := json.Marshal(r)
	if err != nil {
		panic(err) // a Report has nothing that JSON does not
	}
	return encoded
}
