package wire

import (
	"encoding/binary"
	"net/netip"
)

// The flags of TCP that matter here.
const (
	flagFIN = 1 << iota
	flagSYN
	flagRST
	_
	flagACK
)

const (
	versionIPv4 = 4
	protocolTCP = 6
	minIPv4     = 20
	minTCP      = 20
)

// segment is a TCP segment.
type segment struct {
	from, to netip.AddrPort
	sequence uint32
	flags    byte
	payload  []byte
}

// parse returns the TCP segment in an IPv4 packet; false if it holds none.
func parse(packet []byte) (segment, bool) {
	if len(packet) < minIPv4 || packet[0]>>4 != versionIPv4 || packet[9] != protocolTCP {
		return segment{}, false
	}
	header, total := int(packet[0]&15)*4, int(binary.BigEndian.Uint16(packet[2:]))
	if total > 0 && total < len(packet) { // the rest is padding
		packet = packet[:total]
	}
	if len(packet) < header+minTCP {
		return segment{}, false
	}
	tcp := packet[header:]
	offset := int(tcp[12]>>4) * 4
	if offset < minTCP || offset > len(tcp) {
		return segment{}, false
	}
	return segment{
		from:     netip.AddrPortFrom(netip.AddrFrom4([4]byte(packet[12:16])), binary.BigEndian.Uint16(tcp)),
		to:       netip.AddrPortFrom(netip.AddrFrom4([4]byte(packet[16:20])), binary.BigEndian.Uint16(tcp[2:])),
		sequence: binary.BigEndian.Uint32(tcp[4:]),
		flags:    tcp[13],
		payload:  tcp[offset:],
	}, true
}
