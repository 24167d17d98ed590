package agreement

import (
	"slices"

	"github.com/meshtls/meshtls/internal/explain"
)

// Called is what a client calls, and how explain says that the connections end.
type Called struct {
	Client Answer
	Host   string
	Port   int32
	// Protocol is what the port is declared to carry, in Istio's words.
	Protocol string
	// Bypasses says that the client's sidecar does not treat the call as one of the host.
	Bypasses bool
	// Ends are the endpoints of all to which routes may lead the call.
	Ends []explain.Endpoint
}

// Called returns what the clients that have an application call: each host and port that somebody declares, once.
func (w World) Called() []Called {
	var all []Called
	for i := range w.calls {
		c := &w.calls[i]
		if c.from.Proxy == explain.ProxyGateway {
			continue
		}
		host, port := c.to.Host, c.to.Port
		if r := c.to.Route; r != nil && r.Host != "" {
			host, port = r.Host, r.Port
		}
		at := slices.IndexFunc(all, func(other Called) bool {
			return other.Host == host && other.Port == port && other.Client.Pods == c.from.Pods
		})
		if at < 0 {
			at = len(all)
			all = append(all, Called{Client: c.from, Host: host, Port: port, Protocol: c.to.Protocol, Bypasses: w.bypassed(c.from, host, port)})
		}
		all[at].Ends = append(all[at].Ends, c.end)
	}
	return all
}

// bypassed reports whether the client's sidecar does not treat a call as one of the host.
func (w World) bypassed(client Answer, host string, port int32) bool {
	_, bypasses := w.bypass(&call{from: client, to: explain.Outbound{Host: host, Port: port}})
	return bypasses
}
