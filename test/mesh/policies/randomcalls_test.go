package policies

import (
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/meshtls/meshtls/internal/explain"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/test/agreement"
	"github.com/meshtls/meshtls/test/mesh"
	"github.com/meshtls/meshtls/test/mesh/app"
)

// atOnce is how many calls are made at once.
const atOnce = 12

// outBypasses is why the mesh does not carry a call that it could be asked to make.
const outBypasses = "calls of Services that the client's sidecar does not know: there is no kube-proxy behind it"

// end is how explain says that a call ends at an endpoint.
type end struct {
	pod     string // namespace/name; empty if it is none that is known
	outcome mesh.Outcome
	why     string
}

// String says what is said, and of which pod.
func (e end) String() string { return fmt.Sprintf("%s %s (%s)", e.pod, e.outcome, e.why) }

// randomCall is a call with how it may end.
type randomCall struct {
	mesh.Call
	// host is whom explain knows the call by.
	host string
	ends []end
	// viaGateway says that it is a call of a gateway, and next how the connections end that the gateway opens.
	viaGateway bool
	next       []end
	got        []mesh.Result
}

// String names the call, in every model of the mesh.
func (c *randomCall) String() string { return fmt.Sprintf("%s to %s:%d", c.From, c.host, c.Port) }

// callsIn returns the calls that can be made in a world, with what explain says of them.
func (r *randomWorlds) callsIn(seen agreement.World, drawn carrying) []*randomCall {
	var all []*randomCall
	for _, called := range seen.Called() {
		from := r.running[called.Client.Namespace+"/"+called.Client.Example]
		switch {
		case from == nil || strings.HasPrefix(called.Host, "istiod.") || strings.HasPrefix(called.Host, "kubernetes."):
		case leadsTo(called, "edge"): // what becomes of it is for the gateway's hosts to say
		case from.Namespace == outside && !isService(called.Host): // it would call itself
		case from.Proxy == mesh.None && !isService(called.Host) && r.leadsToPods(called): // who has no proxy cannot look these up
		case called.Bypasses:
			r.leftOut[outBypasses]++
		default:
			all = append(all, r.callOf(from, called, drawn))
		}
	}
	for _, server := range seen.Answers {
		if to := r.running[server.Namespace+"/"+server.Example]; to != nil && server.Proxy == explain.ProxySidecar {
			all = append(all, directCalls(r.running["shop/c-v1"], to, server)...)
			all = append(all, directCalls(r.running["outside/partner"], to, server)...)
		}
	}
	return append(all, r.gatewayCalls(seen)...)
}

// leadsTo reports whether a pod of this name is behind a destination.
func leadsTo(called agreement.Called, pod string) bool {
	return slices.ContainsFunc(called.Ends, func(e explain.Endpoint) bool { return e.Example == pod })
}

// leadsToPods reports whether a destination has pods of a random world behind it.
func (r *randomWorlds) leadsToPods(called agreement.Called) bool {
	return slices.ContainsFunc(called.Ends, func(e explain.Endpoint) bool {
		pod := r.running[e.Namespace+"/"+e.Example]
		return pod != nil && pod.Namespace != outside
	})
}

// isService reports whether a host is that of a Service.
func isService(host string) bool { return strings.HasSuffix(host, ".svc.cluster.local") }

// callOf returns a client's call of a destination.
func (r *randomWorlds) callOf(from *mesh.Running, called agreement.Called, drawn carrying) *randomCall {
	c := &randomCall{host: called.Host, Call: mesh.Call{From: from, Host: called.Host, Port: uint16(called.Port)}}
	if strings.HasPrefix(c.Host, "*") {
		c.Host = "any" + c.Host[1:]
	}
	c.speak(called.Protocol, r.Authority)
	if !isService(c.Host) {
		c.Address = drawn.partner.String()
		if address := drawn.addresses[called.Host]; address != "" && from.Proxy != mesh.None {
			c.Address = address
		}
	}
	for _, e := range called.Ends {
		c.ends = append(c.ends, end{pod: podOf(e), outcome: c.foreseen(e.Outcome), why: e.Why})
	}
	return c
}

// podOf names the pod of an endpoint; empty: it is none that is known.
func podOf(e explain.Endpoint) string {
	if e.Example == "" {
		return ""
	}
	return e.Namespace + "/" + e.Example
}

// speak has the client speak what a port is declared to carry.
func (c *randomCall) speak(protocol string, trusted *app.Authority) {
	switch protocol {
	case "HTTP2":
		c.Protocol = app.HTTP2
	case "GRPC":
		c.Protocol = app.GRPC
	case "", "TCP", "Mongo": // a proxy logs a connection that it only carries when it ends, and HTTP would keep it open
		c.Protocol = app.TCP
	case "HTTPS", "TLS":
		c.TLS = &tls.Config{RootCAs: trusted.Pool(), ServerName: c.Host} // #nosec G402 -- the default version is good
	}
}

// foreseen is explain's word for an outcome as packets show it: plaintext of a client that speaks TLS is TLS, and an application that
// is given TLS within TLS does not answer.
func (c *randomCall) foreseen(word istio.Kind) mesh.Outcome {
	switch word {
	case istio.MutualTLS:
		return mesh.MutualTLS
	case istio.ServerTLS:
		return mesh.TLS
	case istio.Plaintext:
		if c.TLS != nil {
			return mesh.TLS
		}
		return mesh.Plaintext
	}
	return mesh.Refused
}

// directCalls returns the calls of a pod's address, by a client without a proxy, at each port that its application serves.
func directCalls(from, to *mesh.Running, server agreement.Answer) []*randomCall {
	var all []*randomCall
	for _, in := range server.Inbound {
		if !slices.ContainsFunc(to.Ports, func(p mesh.Port) bool { return p.Number == in.Port }) {
			continue
		}
		accepted := end{pod: to.String(), outcome: mesh.Plaintext}
		if in.External.Accepts == explain.AcceptsStrict {
			accepted.outcome = mesh.Refused
		}
		all = append(all, &randomCall{
			host: to.String(), Call: mesh.Call{From: from, Host: to.IP.String(), Port: uint16(in.Port)}, ends: []end{accepted},
		})
	}
	return all
}

// makeAll makes the calls, and compares how they end with what explain says.
func (r *randomWorlds) makeAll(t *testing.T, calls []*randomCall) {
	t.Helper()
	var group errgroup.Group
	group.SetLimit(atOnce)
	for _, c := range calls {
		group.Go(func() error {
			if err := r.make(t.Context(), c); err != nil {
				t.Errorf("%s: %v", c, err)
			}
			return nil
		})
	}
	_ = group.Wait() // each has told what is wrong
	for _, c := range calls {
		r.calls++
		r.outcomes[string(ended(c.got[0]))]++
		if slices.ContainsFunc(c.got, func(got mesh.Result) bool { return got.Outcome() == mesh.Unseen }) && !c.endsAtClient() {
			r.missed++
		}
	}
}

// make makes a call, once for each pod that it may lead to, and says how it differs from what explain says.
func (r *randomWorlds) make(ctx context.Context, c *randomCall) error {
	for range c.ends {
		var got mesh.Result
		err := eventually(ctx, func(ctx context.Context) error {
			got = r.Call(ctx, c.Call)
			return c.differs(got)
		})
		c.got = append(c.got, got)
		if err != nil && got.Outcome() != mesh.Unseen { // that says nothing; how many there may be, demandWeight knows
			return err
		}
	}
	return nil
}

// ended returns what packets and proxies say of a call. A proxy that only carries a connection tells of its client when it ends, and
// clients keep connections for a while: who is shown a certificate of the mesh has shown one.
func ended(got mesh.Result) mesh.Outcome {
	outcome := got.Outcome()
	if outcome == mesh.TLS && strings.HasPrefix(got.Hops[len(got.Hops)-1].Server, "spiffe://") {
		return mesh.MutualTLS
	}
	return outcome
}

// endsAtClient reports whether the call may lead to the pod that makes it.
func (c *randomCall) endsAtClient() bool {
	return slices.ContainsFunc(c.ends, func(e end) bool { return e.pod == c.From.String() })
}

// differs says how a result differs from all that explain says of the pod that the call led to.
func (c *randomCall) differs(got mesh.Result) error {
	if c.viaGateway {
		return c.differsAtGateway(got)
	}
	to := ""
	if len(got.Hops) > 0 {
		to = got.Hops[0].To
	}
	as := func(e end) bool {
		if e.pod == c.From.String() && got.Outcome() == mesh.Unseen {
			return e.outcome != mesh.Refused // what a pod sends itself is on no wire
		}
		return (to == "" || e.pod == "" || e.pod == to) && e.outcome == ended(got)
	}
	if !slices.ContainsFunc(c.ends, as) {
		return fmt.Errorf("explain says %v, packets: %s", c.ends, got)
	}
	return nil
}
