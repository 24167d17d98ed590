// Package relay carries bytes between connections that are in different networks. It reads nothing of what it carries.
package relay

import (
	"io"
	"net"
)

// Serve joins every connection that a listener accepts with one that dial opens, until the listener is closed.
func Serve(listener net.Listener, dial func() (net.Conn, error)) {
	for {
		accepted, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			opened, err := dial()
			if err != nil {
				_ = accepted.Close()
				return
			}
			Join(accepted, opened)
		}()
	}
}

// Join carries bytes between a client and a server until the server ends or something breaks, and closes both. A client that has
// said all that it wants to say still gets its answer.
func Join(client, server io.ReadWriteCloser) {
	done := make(chan struct{}, 2)
	go func() {
		if _, err := io.Copy(server, client); err != nil {
			done <- struct{}{}
			return
		}
		if half, ok := server.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite() // an error means that it has ended
		}
	}()
	go func() {
		_, _ = io.Copy(client, server) // an error is an end
		done <- struct{}{}
	}()
	<-done
	_, _ = client.Close(), server.Close()
}
