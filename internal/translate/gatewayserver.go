package translate

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/model"
)

// gatewayServer is a server entry of a policy, of any of the three verbs.
type gatewayServer struct {
	policy  *policyTarget
	planned model.Server
	kind    istio.ServerKind
	// verb and index are the entry's place in the spec.
	verb  string
	index int
}

func (g *gatewayServer) field() string { return fmt.Sprintf("spec.%s[%d]", g.verb, g.index) }

// redirects reports whether the server answers with redirects to https.
func (g *gatewayServer) redirects() bool {
	return g.planned.Plaintext != nil && g.planned.Plaintext.RedirectToHTTPS
}

// routesBySNI reports whether the names that the server answers to are those of VirtualServices, and its hosts only say whose.
func (g *gatewayServer) routesBySNI() bool {
	return g.planned.Passthrough != nil && g.planned.Passthrough.Routing != meshtlsv1alpha1.RoutingAuto
}

// serversOf lists the server entries of a policy as its spec has them.
func serversOf(p *policyTarget) []gatewayServer {
	count := len(p.Spec.Terminate) + len(p.Spec.Passthrough) + len(p.Spec.Plaintext)
	if count == 0 {
		return nil
	}
	servers := make([]gatewayServer, 0, count)
	for i := range p.Spec.Terminate {
		planned := model.Server{Terminate: &p.Spec.Terminate[i]}
		servers = append(servers, gatewayServer{policy: p, planned: planned, verb: "terminate", index: i})
	}
	for i := range p.Spec.Passthrough {
		planned := model.Server{Passthrough: &p.Spec.Passthrough[i]}
		servers = append(servers, gatewayServer{policy: p, planned: planned, verb: "passthrough", index: i})
	}
	for i := range p.Spec.Plaintext {
		planned := model.Server{Plaintext: &p.Spec.Plaintext[i]}
		servers = append(servers, gatewayServer{policy: p, planned: planned, verb: "plaintext", index: i})
	}
	for i := range servers {
		servers[i].kind = kindOf(servers[i].planned)
	}
	namePorts(servers)
	return servers
}

// kindOf returns the kind that the server will be to Istio: all but plaintext comes with TLS settings, and so does a redirect.
func kindOf(s model.Server) istio.ServerKind {
	return istio.KindOf(protocolOf(s), s.Plaintext == nil || s.Plaintext.RedirectToHTTPS)
}

// namePorts gives each server a port name that is unique in the policy, as Istio demands: https-443, https-443-2. The names depend
// on the spec alone, since Istio's routes carry them: a server must not be renamed when another one wins or loses a conflict.
func namePorts(servers []gatewayServer) {
	used := make(map[string]int, len(servers))
	for i := range servers {
		name := strings.ToLower(protocolOf(servers[i].planned)) + "-" + strconv.Itoa(int(listenerOf(servers[i].planned).Port))
		used[name]++
		if n := used[name]; n > 1 {
			name += "-" + strconv.Itoa(n)
		}
		servers[i].planned.PortName = name
	}
}

// listenerOf returns the part that all servers have.
func listenerOf(s model.Server) *meshtlsv1alpha1.GatewayServer {
	switch {
	case s.Terminate != nil:
		return &s.Terminate.GatewayServer
	case s.Passthrough != nil:
		return &s.Passthrough.GatewayServer
	default:
		return &s.Plaintext.GatewayServer
	}
}

func protocolOf(s model.Server) string {
	switch {
	case s.Terminate != nil:
		return string(cmp.Or(s.Terminate.Protocol, meshtlsv1alpha1.TerminateHTTPS))
	case s.Passthrough != nil:
		return string(cmp.Or(s.Passthrough.Protocol, meshtlsv1alpha1.PassthroughTLS))
	default:
		return string(cmp.Or(s.Plaintext.Protocol, meshtlsv1alpha1.PlaintextHTTP))
	}
}
