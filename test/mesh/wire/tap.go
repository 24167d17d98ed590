package wire

import (
	"io"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// maxPacket is the longest packet that an interface hands out: segments are joined before that.
const maxPacket = 1 << 16

// maxFlows is how many connections are remembered.
const maxFlows = 4096

// Flow is what was seen of a TCP connection.
type Flow struct {
	// From and To are the ends, the client's first.
	From, To netip.AddrPort
	// Opened is when the client's first packet was seen.
	Opened time.Time
	// Sent says that the client sent something.
	Sent bool
	// TLS says that what the client sent first is a TLS handshake.
	TLS bool
	// Hello is what the client said in it.
	Hello Hello
	// Alert is the TLS alert that the server sent in the clear, in the words of Go's crypto/tls.
	Alert string
	// Reset says that one of the two cut the connection.
	Reset bool
}

// Plaintext reports whether the client sent something that is not TLS.
func (f Flow) Plaintext() bool { return f.Sent && !f.TLS }

// Tap remembers connections.
type Tap struct {
	mu    sync.Mutex
	flows map[netip.AddrPort]*flow
	order []netip.AddrPort
}

// flow is a connection in the making.
type flow struct {
	Flow

	fromClient, fromServer stream
}

// stream is the beginning of what one end sent, in order.
type stream struct {
	next  uint32
	bytes []byte
}

// NewTap returns a tap that has seen nothing.
func NewTap() *Tap {
	return &Tap{flows: map[netip.AddrPort]*flow{}}
}

// Watch takes packets from a packet socket, one a read, until it is closed.
func (t *Tap) Watch(packets io.Reader) {
	buffer := make([]byte, maxPacket)
	for {
		length, err := packets.Read(buffer)
		if err != nil {
			return
		}
		t.see(buffer[:length])
	}
}

// Flow returns what was seen of the connection that a client opened from an address, the youngest if there were several.
func (t *Tap) Flow(from netip.AddrPort) (Flow, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if f := t.flows[from]; f != nil {
		return f.snapshot(), true
	}
	return Flow{}, false
}

// From returns what was seen of the connections that were opened from an IP address, the oldest first.
func (t *Tap) From(client netip.Addr) []Flow {
	t.mu.Lock()
	defer t.mu.Unlock()
	var found []Flow
	for _, from := range t.order {
		if from.Addr() == client {
			found = append(found, t.flows[from].snapshot())
		}
	}
	return found
}

// see takes a packet. The same packet may come several times, once for each interface that it passes.
func (t *Tap) see(packet []byte) {
	s, ok := parse(packet)
	if !ok {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case s.flags&(flagSYN|flagACK) == flagSYN:
		t.open(s)
	case t.flows[s.from] != nil && t.flows[s.from].To == s.to:
		f := t.flows[s.from]
		f.fromClient.add(s)
		f.Reset = f.Reset || s.flags&flagRST != 0
	case t.flows[s.to] != nil && t.flows[s.to].To == s.from:
		f := t.flows[s.to]
		if s.flags&flagSYN != 0 {
			f.fromServer.next = s.sequence + 1
		}
		f.fromServer.add(s)
		f.Reset = f.Reset || s.flags&flagRST != 0
	}
}

// open starts a flow, unless it is the same packet once more.
func (t *Tap) open(s segment) {
	if old := t.flows[s.from]; old != nil {
		if old.To == s.to && old.fromClient.next == s.sequence+1 {
			return
		}
		t.order = slices.DeleteFunc(t.order, func(from netip.AddrPort) bool { return from == s.from })
	}
	t.flows[s.from] = &flow{Flow: Flow{From: s.from, To: s.to, Opened: time.Now()}, fromClient: stream{next: s.sequence + 1}}
	t.order = append(t.order, s.from)
	if len(t.order) > maxFlows {
		delete(t.flows, t.order[0])
		t.order = t.order[1:]
	}
}

// add takes what comes next; what came before, comes too early or is not needed any more is left out.
func (s *stream) add(part segment) {
	if part.sequence != s.next || len(part.payload) == 0 || len(s.bytes) >= enough {
		return
	}
	s.bytes = append(s.bytes, part.payload...)
	s.next += uint32(len(part.payload))
}

// snapshot returns what is known by now.
func (f *flow) snapshot() Flow {
	f.Sent = len(f.fromClient.bytes) > 0
	f.TLS = startsTLS(f.fromClient.bytes)
	if hello := parseHello(f.fromClient.bytes); f.TLS && hello != nil {
		f.Hello = *hello
	}
	f.Alert = alert(f.fromServer.bytes)
	return f.Flow
}
