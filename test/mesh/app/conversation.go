package app

import (
	"bufio"
	"net"
)

// conversation is a connection, from its first byte on, whatever has been peeked at.
type conversation struct {
	net.Conn

	reader *bufio.Reader
	tls    *TLS
	done   func()
}

// Read reads what has been peeked at, too.
func (c *conversation) Read(b []byte) (int, error) { return c.reader.Read(b) }

// Close closes the connection, and says so to its port.
func (c *conversation) Close() error {
	c.done()
	return c.Conn.Close()
}

// handed is a listener for connections that have been accepted elsewhere.
type handed struct {
	connections <-chan net.Conn
	address     net.Addr
	done        <-chan struct{}
}

// Accept waits for the next connection.
func (h handed) Accept() (net.Conn, error) {
	select {
	case connection := <-h.connections:
		return connection, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}

// Close has nothing to do: the listener that accepts is elsewhere.
func (h handed) Close() error { return nil }

// Addr is where connections are accepted.
func (h handed) Addr() net.Addr { return h.address }
