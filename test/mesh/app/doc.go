// Package app is the application in the pods of a mesh: a server that answers each request with what it saw of it, and clients for
// every way in which applications talk.
//
// One server on one port speaks whatever its client speaks: HTTP/1.1, HTTP/2, gRPC, WebSocket, lines over TCP, and each of them
// inside TLS of its own. Only what cannot be told from a client's first bytes has a kind of its own: a server that speaks first,
// and one that demands a client certificate.
//
// It opens no sockets: listeners and dialers are the caller's, and so is the choice of the network that they are in.
package app
