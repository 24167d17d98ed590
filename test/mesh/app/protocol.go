package app

// Protocol is a way in which applications talk.
type Protocol string

const (
	// HTTP1 is HTTP/1.1.
	HTTP1 Protocol = "HTTP/1.1"
	// HTTP2 is HTTP/2, without asking first whether the server speaks it.
	HTTP2 Protocol = "HTTP/2"
	// GRPC is gRPC: the standard health check.
	GRPC Protocol = "gRPC"
	// WebSocket is a WebSocket, opened over HTTP/1.1; a request is a message.
	WebSocket Protocol = "WebSocket"
	// TCP is lines over a connection; a request is a line, and so is its answer.
	TCP Protocol = "TCP"
	// ServerFirst is TCP with a server that greets before its client says anything.
	ServerFirst Protocol = "server first"
)

// Kind is a kind of server.
type Kind string

const (
	// Any speaks whatever its client speaks, in TLS or not.
	Any Kind = "any"
	// Greeting speaks first, and then answers lines.
	Greeting Kind = "greeting"
	// Mutual speaks TLS only, and demands a client certificate of its authority.
	Mutual Kind = "mutual"
)
