package app

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// Dialer opens a connection to an IP address and a port.
type Dialer func(ctx context.Context, network, address string) (net.Conn, error)

// Request says whom to ask, and how.
type Request struct {
	Protocol Protocol
	// Address is the IP address and the port to connect to.
	Address string
	// Host is the name to ask for.
	Host string
	// TLS is the client's own; nil: none.
	TLS *tls.Config
}

// Answer is what came back.
type Answer struct {
	// Status is that of HTTP; 0 where another protocol is spoken.
	Status int
	// Report is what the server saw; empty if it was not the server who answered.
	Report Report
	// Body is what was said in place of a report.
	Body string
	// Location is where a redirect leads.
	Location string
}

// Session is an open connection.
type Session struct {
	// Local is the client's end of it, and Remote what it connected to.
	Local, Remote netip.AddrPort
	// TLS is what the client and whoever it spoke TLS to agreed on; nil: it spoke none.
	TLS *TLS

	connection net.Conn
	exchange   func() (Answer, error)
}

// Open connects, does the client's part of TLS where one is asked for, and is ready to ask.
func Open(ctx context.Context, dial Dialer, request Request) (*Session, error) {
	connection, err := dial(ctx, "tcp", request.Address)
	if err != nil {
		return &Session{}, err
	}
	s := &Session{connection: connection}
	if local, ok := connection.LocalAddr().(*net.TCPAddr); ok {
		s.Local = local.AddrPort()
	}
	if remote, ok := connection.RemoteAddr().(*net.TCPAddr); ok {
		s.Remote = remote.AddrPort()
	}
	if err := s.begin(ctx, request); err != nil {
		return s, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close closes the connection. It may be called again.
func (s *Session) Close() error {
	if s.connection == nil {
		return nil
	}
	if err := s.connection.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// Exchange asks, and waits for the answer until the context's deadline.
func (s *Session) Exchange(ctx context.Context) (Answer, error) {
	stop := s.limit(ctx)
	defer stop()
	return s.exchange()
}

// limit makes everything on the connection fail when the context ends.
func (s *Session) limit(ctx context.Context) (stop func()) {
	_ = s.connection.SetDeadline(time.Time{})
	done := context.AfterFunc(ctx, func() { _ = s.connection.SetDeadline(time.Unix(1, 0)) })
	return func() { done() }
}

// begin prepares the connection for a protocol.
func (s *Session) begin(ctx context.Context, request Request) error {
	stop := s.limit(ctx)
	defer stop()
	if request.TLS != nil {
		if err := s.secure(ctx, request); err != nil {
			return err
		}
	}
	switch request.Protocol {
	case HTTP1, HTTP2, GRPC:
		s.exchange = s.web(request)
		return nil
	case WebSocket:
		return s.webSocket(request)
	case TCP, ServerFirst:
		return s.talk(request.Protocol == ServerFirst)
	}
	return fmt.Errorf("no client speaks %q", request.Protocol)
}

// secure does the client's part of a TLS handshake.
func (s *Session) secure(ctx context.Context, request Request) error {
	config := request.TLS.Clone()
	if request.Protocol == HTTP2 || request.Protocol == GRPC {
		config.NextProtos = []string{"h2"}
	}
	secured := tls.Client(s.connection, config)
	s.connection = secured
	if err := secured.HandshakeContext(ctx); err != nil {
		return err
	}
	state := secured.ConnectionState()
	s.TLS = tlsOf(&state)
	return nil
}

// talk speaks in lines.
func (s *Session) talk(serverFirst bool) error {
	reader := bufio.NewReader(s.connection)
	if serverFirst {
		if _, err := reader.ReadBytes('\n'); err != nil {
			return err
		}
	}
	s.exchange = func() (Answer, error) {
		if _, err := io.WriteString(s.connection, "hello, who is there?\n"); err != nil {
			return Answer{}, err
		}
		line, err := reader.ReadBytes('\n')
		return reported(line), err
	}
	return nil
}

// webSocket opens a WebSocket; a server or a proxy that wants none answers with a status.
func (s *Session) webSocket(request Request) error {
	reader, response, err := upgrade(s.connection, request.Host)
	if err != nil {
		return err
	}
	s.exchange = func() (Answer, error) {
		if response.StatusCode != http.StatusSwitchingProtocols {
			return answered(response)
		}
		if err := writeFrame(s.connection, []byte("hello, who is there?"), true); err != nil {
			return Answer{}, err
		}
		message, err := readFrame(reader)
		answer := reported(message)
		answer.Status = response.StatusCode
		return answer, err
	}
	return nil
}

// web speaks HTTP over the one connection that is there.
func (s *Session) web(request Request) func() (Answer, error) {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(request.Protocol == HTTP1)
	protocols.SetUnencryptedHTTP2(request.Protocol != HTTP1)
	taken := false
	transport := &http.Transport{
		Protocols: protocols,
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			if taken {
				return nil, errClosed
			}
			taken = true
			return s.connection, nil
		},
	}
	return func() (Answer, error) {
		next, err := httpRequest(request)
		if err != nil {
			return Answer{}, err
		}
		response, err := transport.RoundTrip(next)
		if err != nil {
			return Answer{}, err
		}
		return answered(response)
	}
}

// errClosed: the connection is gone, and a session has only one.
var errClosed = fmt.Errorf("the connection was closed between two requests: %w", io.EOF)

// httpRequest returns the next request of a session. Its URL says http: TLS is spoken below.
func httpRequest(request Request) (*http.Request, error) {
	url := "http://" + request.Address
	if request.Protocol == GRPC {
		next, err := grpcRequest(url)
		if err == nil {
			next.Host = request.Host
		}
		return next, err
	}
	next, err := http.NewRequest(http.MethodGet, url+"/", http.NoBody)
	if err == nil {
		next.Host = request.Host
	}
	return next, err
}

// answered reads an answer of HTTP.
func answered(response *http.Response) (Answer, error) {
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return Answer{Status: response.StatusCode}, err
	}
	if report := response.Header.Get(headerReport); report != "" {
		body = []byte(report)
	}
	answer := reported(body)
	answer.Status, answer.Location = response.StatusCode, response.Header.Get("Location")
	return answer, nil
}

// reported returns what a body says: a server's report, or something else.
func reported(body []byte) Answer {
	var report Report
	if json.Unmarshal(body, &report) != nil || report.Server == "" {
		return Answer{Body: string(body)}
	}
	return Answer{Report: report}
}
