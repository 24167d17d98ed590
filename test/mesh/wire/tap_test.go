package wire

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var (
	clientEnd = netip.MustParseAddrPort("10.0.0.1:40000")
	serverEnd = netip.MustParseAddrPort("10.0.0.2:80")
)

// packet returns a TCP segment in an IPv4 packet.
func packet(from, to netip.AddrPort, sequence uint32, flags byte, payload string) []byte {
	p := make([]byte, minIPv4+minTCP, minIPv4+minTCP+len(payload))
	p[0], p[9] = versionIPv4<<4|5, protocolTCP
	binary.BigEndian.PutUint16(p[2:], uint16(minIPv4+minTCP+len(payload)))
	copy(p[12:], from.Addr().AsSlice())
	copy(p[16:], to.Addr().AsSlice())
	tcp := p[minIPv4:]
	binary.BigEndian.PutUint16(tcp, from.Port())
	binary.BigEndian.PutUint16(tcp[2:], to.Port())
	binary.BigEndian.PutUint32(tcp[4:], sequence)
	tcp[12], tcp[13] = 5<<4, flags
	return append(p, payload...)
}

func fromClient(sequence uint32, flags byte, payload string) []byte {
	return packet(clientEnd, serverEnd, sequence, flags, payload)
}

func fromServer(sequence uint32, flags byte, payload string) []byte {
	return packet(serverEnd, clientEnd, sequence, flags, payload)
}

// hello returns what a client of crypto/tls says first.
func hello(t *testing.T, config *tls.Config) string {
	t.Helper()
	near, far := net.Pipe()
	go func() { _ = tls.Client(near, config).Handshake() }()
	head := make([]byte, recordHeader)
	if _, err := io.ReadFull(far, head); err != nil {
		t.Fatal(err)
	}
	body := make([]byte, binary.BigEndian.Uint16(head[3:]))
	if _, err := io.ReadFull(far, body); err != nil {
		t.Fatal(err)
	}
	_, _ = near.Close(), far.Close()
	return string(head) + string(body)
}

func TestTap(t *testing.T) {
	said := hello(t, &tls.Config{ServerName: "shop.example.com", NextProtos: []string{"istio", "h2"}})
	syn, synAck := fromClient(99, flagSYN, ""), fromServer(499, flagSYN|flagACK, "")
	tests := map[string]struct {
		packets [][]byte
		want    Flow
	}{
		"a connection without a word":  {packets: [][]byte{syn, synAck}, want: Flow{}},
		"plaintext":                    {packets: [][]byte{syn, synAck, fromClient(100, flagACK, "GET / HTTP/1.1")}, want: Flow{Sent: true}},
		"a server that speaks alone":   {packets: [][]byte{syn, synAck, fromServer(500, flagACK, "220 ready")}, want: Flow{}},
		"a connection that is cut":     {packets: [][]byte{syn, synAck, fromServer(500, flagRST, "")}, want: Flow{Reset: true}},
		"packets that come twice":      {packets: [][]byte{syn, syn, synAck, fromClient(100, flagACK, "G"), fromClient(100, flagACK, "G")}, want: Flow{Sent: true}},
		"a hello in one segment":       {packets: [][]byte{syn, synAck, fromClient(100, flagACK, said)}, want: Flow{Sent: true, TLS: true, Hello: Hello{"shop.example.com", []string{"istio", "h2"}}}},
		"a hello in two segments":      {packets: [][]byte{syn, synAck, fromClient(100, flagACK, said[:50]), fromClient(150, flagACK, said[50:])}, want: Flow{Sent: true, TLS: true, Hello: Hello{"shop.example.com", []string{"istio", "h2"}}}},
		"half a hello":                 {packets: [][]byte{syn, synAck, fromClient(100, flagACK, said[:50])}, want: Flow{Sent: true, TLS: true}},
		"an alert":                     {packets: [][]byte{syn, synAck, fromClient(100, flagACK, said), fromServer(500, flagACK, "\x15\x03\x03\x00\x02\x02\x28")}, want: Flow{Sent: true, TLS: true, Hello: Hello{"shop.example.com", []string{"istio", "h2"}}, Alert: "handshake failure"}},
		"an end that is used again":    {packets: [][]byte{syn, synAck, fromClient(100, flagACK, "GET"), fromClient(700, flagSYN, ""), fromServer(900, flagSYN|flagACK, "")}, want: Flow{}},
		"what belongs to another flow": {packets: [][]byte{syn, synAck, packet(clientEnd, netip.MustParseAddrPort("10.0.0.3:80"), 100, flagACK, "GET")}, want: Flow{}},
		"what is no TCP":               {packets: [][]byte{syn, {0x45}, bytes.Repeat([]byte{0x60}, 60)}, want: Flow{}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			tap := NewTap()
			tap.Watch(&reads{tc.packets})
			tc.want.From, tc.want.To = clientEnd, serverEnd
			got, ok := tap.Flow(clientEnd)
			if diff := cmp.Diff(tc.want, got, cmpopts.EquateComparable(netip.AddrPort{}), cmpopts.IgnoreFields(Flow{}, "Opened")); !ok || diff != "" {
				t.Errorf("seen: %t (-want +got):\n%s", ok, diff)
			}
		})
	}
}

// reads hands out packets, one a read.
type reads struct{ left [][]byte }

func (r *reads) Read(b []byte) (int, error) {
	if len(r.left) == 0 {
		return 0, io.EOF
	}
	n := copy(b, r.left[0])
	r.left = r.left[1:]
	return n, nil
}

func TestTapForgetsTheOldest(t *testing.T) {
	tap := NewTap()
	first := netip.AddrPortFrom(clientEnd.Addr(), 1)
	for port := range uint16(maxFlows + 1) {
		tap.see(packet(netip.AddrPortFrom(clientEnd.Addr(), port+1), serverEnd, 1, flagSYN, ""))
	}
	if _, ok := tap.Flow(first); ok {
		t.Error("the oldest connection is still remembered")
	}
	if got := tap.From(clientEnd.Addr()); len(got) != maxFlows || !slices.IsSortedFunc(got, func(a, b Flow) int { return a.From.Compare(b.From) }) {
		t.Errorf("got %d connections, want %d, the oldest first", len(got), maxFlows)
	}
}

func TestHelloOfIstio(t *testing.T) {
	for protocols, want := range map[string]bool{"istio": true, "istio-peer-exchange": true, "h2": false} {
		if got := (&Hello{Protocols: []string{"http/1.1", protocols}}).Istio(); got != want {
			t.Errorf("%s: got %t, want %t", protocols, got, want)
		}
	}
}
