package mesh

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/meshtls/meshtls/test/mesh/app"
	"github.com/meshtls/meshtls/test/mesh/kubelet"
	"github.com/meshtls/meshtls/test/mesh/wire"
)

const (
	// callTimeout is what a call may take, if nothing else is said.
	callTimeout = 5 * time.Second
	// podTimeout is what a pod has to become ready.
	podTimeout = 2 * time.Minute
	// mostHops is how many connections a call is followed through.
	mostHops = 4
)

// Call says who calls whom, and how.
type Call struct {
	From *Running
	// Host is whom the client asks for: a name, or an IP address.
	Host string
	Port uint16
	// Address is where it connects to; if it is not said: what the host is, for a name of the cluster that of the Service.
	Address string
	// Protocol is app.HTTP1 if it is not said.
	Protocol app.Protocol
	// TLS is the client's own.
	TLS *tls.Config
	// Timeout is five seconds if it is not said.
	Timeout time.Duration
}

// Call opens a connection, asks once, and says what became of it.
func (m *Mesh) Call(ctx context.Context, call Call) Result {
	if call.Timeout == 0 {
		call.Timeout = callTimeout
	}
	began := time.Now()
	limited, cancel := context.WithTimeout(ctx, call.Timeout)
	defer cancel()
	session, err := m.Open(limited, call)
	result := Result{Err: err, TLS: session.TLS}
	if err == nil {
		result.Answer, result.Err = session.Exchange(limited)
		_ = session.Close()
	}
	if session.Local.IsValid() {
		m.follow(ctx, &result, trail{pod: call.From.Inside, from: session.Local, to: session.Remote, began: began})
	}
	return result
}

// Open opens a connection that stays open. The session is not nil, even if there is an error.
func (m *Mesh) Open(ctx context.Context, call Call) (*app.Session, error) {
	address, err := m.address(ctx, call)
	if err != nil {
		return &app.Session{}, err
	}
	if call.Protocol == "" {
		call.Protocol = app.HTTP1
	}
	host := call.Host
	if call.Port != 80 && call.Port != 443 {
		host = net.JoinHostPort(host, strconv.Itoa(int(call.Port)))
	}
	return app.Open(ctx, call.From.Inside.Sandbox.Dial, app.Request{Protocol: call.Protocol, Address: address, Host: host, TLS: call.TLS})
}

// address returns the IP address and the port that a call connects to: what DNS would say and, where no proxy takes the connection,
// what kube-proxy would make of it.
func (m *Mesh) address(ctx context.Context, call Call) (string, error) {
	host := call.Address
	if host == "" {
		host = call.Host
	}
	port := strconv.Itoa(int(call.Port))
	if _, err := netip.ParseAddr(host); err == nil && call.From.Proxy != None {
		return net.JoinHostPort(host, port), nil
	}
	service, err := m.service(ctx, host)
	switch {
	case err != nil:
		return "", err
	case service == nil:
		if _, err := netip.ParseAddr(host); err != nil {
			return "", fmt.Errorf("no Service is called %s: say the address", host)
		}
		return net.JoinHostPort(host, port), nil
	case service.Spec.ClusterIP == "None":
		return m.headless(ctx, service.Namespace, service.Name, port)
	case call.From.Proxy == None:
		return m.endpoint(ctx, net.JoinHostPort(service.Spec.ClusterIP, port))
	}
	return net.JoinHostPort(service.Spec.ClusterIP, port), nil
}

// trail is where a call is on its way: in a pod, or on the wire to one, from an end of a connection.
type trail struct {
	pod      *kubelet.Pod
	from, to netip.AddrPort
	began    time.Time
	// client is what the proxy at that end logged; nil for a client without one.
	client *entry
}

// follow finds the connections that carried a call: what the client opened, what its proxy opened for it, and so on.
func (m *Mesh) follow(ctx context.Context, result *Result, t trail) {
	for range mostHops {
		flow, seen := m.tap.Flow(t.from)
		onTheWire := seen && t.is(flow)
		if onTheWire {
			t.pod = m.kubelet.At(flow.To.Addr())
			result.Hops = append(result.Hops, t.hop(flow))
		}
		if t.pod == nil {
			return
		}
		found, err := find(ctx, t.pod, t.from, t.began)
		if err != nil || found == nil {
			return
		}
		if onTheWire {
			result.Hops[len(result.Hops)-1].server(found)
		}
		if result.Flags == "" && found.Flags != noFlags {
			result.Flags = found.Flags
		}
		if !t.advance(found) {
			return
		}
	}
}

// advance goes on to what the proxy opened for the client; false if that leads to its own application, or nowhere.
func (t *trail) advance(logged *entry) bool {
	from, err := netip.ParseAddrPort(logged.UpstreamFrom)
	if err != nil || from.Addr().IsLoopback() {
		return false
	}
	to, err := netip.ParseAddrPort(logged.UpstreamTo)
	t.from, t.to, t.client = from, to, logged
	return err == nil
}

// is reports whether a connection that was seen is the one that is looked for. Ports are used again; a proxy keeps connections, an
// application here opens a new one for each call.
func (t trail) is(flow wire.Flow) bool {
	return flow.To == t.to && (t.client != nil || !flow.Opened.Before(t.began))
}

// hop returns a connection that was seen, with what its client knows of it.
func (t trail) hop(flow wire.Flow) Hop {
	hop := Hop{Flow: flow}
	if t.pod != nil {
		hop.To = t.pod.String()
	}
	if t.client != nil {
		hop.Server, hop.ClientFailure = t.client.UpstreamPeer, t.client.UpstreamFailure
		hop.Version, hop.Cipher = t.client.UpstreamVersion, t.client.UpstreamCipher
	}
	return hop
}

// server adds what the server's proxy says of a hop.
func (h *Hop) server(e *entry) {
	h.Client, h.ClientSubject, h.ServerFailure = e.Peer, e.PeerSubject, e.Failure
	if e.Version != "" {
		h.Version, h.Cipher = e.Version, e.Cipher
	}
}
