// Package wire tells what was on the wire: for every TCP connection whose packets it is shown, whether its client began with a TLS
// handshake, for which server name and application protocols, and how it ended.
//
// It reads packets and nothing else. Who the ends are, and what happens beyond their proxies, it does not know; certificates are
// encrypted in TLS 1.3, so what is in them it cannot tell either.
package wire
