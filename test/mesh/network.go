package mesh

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"sync"

	"github.com/meshtls/meshtls/test/mesh/sandbox"
)

const (
	bridge = "mesh"
	// bridgeMAC is fixed: a bridge without one takes that of one of its ports, another with each pod, and connections hang.
	bridgeMAC = "02:00:00:00:00:01"
	prefix    = "/16"
)

var (
	// nodeIP is the node's own address, the gateway of all pods; istiodIP is where istiod is.
	nodeIP, istiodIP = netip.MustParseAddr("10.244.0.1"), netip.MustParseAddr("10.244.0.2")
	// firstPodIP is the address of the first pod. Addresses are not used again: what was on the wire is told by them.
	firstPodIP = netip.MustParseAddr("10.244.1.1")
)

// network is the bridge that all sandboxes of a mesh are on.
type network struct {
	node *sandbox.Sandbox

	mu    sync.Mutex
	links int
	next  netip.Addr
}

// newNetwork makes the bridge in the node's sandbox.
func newNetwork(ctx context.Context, node *sandbox.Sandbox) (*network, error) {
	return &network{node: node, next: firstPodIP}, node.Configure(ctx,
		"link add "+bridge+" address "+bridgeMAC+" type bridge",
		"address add "+nodeIP.String()+prefix+" dev "+bridge,
		"link set "+bridge+" up",
	)
}

// Attach connects a sandbox with the bridge.
func (n *network) Attach(ctx context.Context, s *sandbox.Sandbox, wanted string) (netip.Addr, error) {
	address, link, err := n.take(wanted)
	if err != nil {
		return address, err
	}
	if err := n.node.Configure(ctx,
		fmt.Sprintf("link add %s type veth peer name eth0 netns %d", link, s.PID()),
		fmt.Sprintf("link set %s master %s up", link, bridge),
	); err != nil {
		return address, err
	}
	return address, s.Configure(ctx,
		"address add "+address.String()+prefix+" dev eth0",
		"link set eth0 up",
		"route add default via "+nodeIP.String(),
	)
}

// take chooses an address and the name of a cable.
func (n *network) take(wanted string) (address netip.Addr, link string, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.links++
	link = "pod" + strconv.Itoa(n.links)
	if wanted != "" {
		address, err = netip.ParseAddr(wanted)
		return address, link, err
	}
	address, n.next = n.next, n.next.Next()
	return address, link, nil
}
