package translate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// serveWords returns what the gateway serves, as the policy says it, by port: "80 redirect", "443 HTTPS Simple shop.example.com".
func serveWords(servers []gatewayServer) []string {
	byPort := func(a, b gatewayServer) int {
		return cmp.Compare(listenerOf(a.planned).Port, listenerOf(b.planned).Port)
	}
	var words []string
	for _, server := range slices.SortedStableFunc(slices.Values(servers), byPort) {
		words = append(words, serverWords(server))
	}
	return words
}

// supported returns the servers that can be rendered.
func supported(mesh model.Mesh, servers []gatewayServer) []gatewayServer {
	return slices.DeleteFunc(servers, func(s gatewayServer) bool { return unsupported(mesh, &s) != nil })
}

// unsupported says why the server cannot be rendered at all; nil: it can.
func unsupported(mesh model.Mesh, g *gatewayServer) *model.Finding {
	if said := saidByListener(g); said != nil {
		return said
	}
	return lacksField(mesh, g)
}

func serverWords(s gatewayServer) string {
	listener := listenerOf(s.planned)
	if s.redirects() {
		return fmt.Sprintf("%d redirect", listener.Port)
	}
	return fmt.Sprintf("%d %s %s %s", listener.Port, protocolOf(s.planned), servedMode(s.planned), hostWords(listener.Hosts))
}

// servedMode says what the server does with TLS.
func servedMode(s model.Server) string {
	switch {
	case s.Terminate != nil:
		return string(cmp.Or(s.Terminate.Mode, meshtlsv1alpha1.TerminateSimple))
	case s.Passthrough != nil:
		return "passthrough"
	default:
		return "plaintext"
	}
}

// mostHosts is how many hosts of a server are named.
const mostHosts = 2

// hostWords name the first hosts, and count the others.
func hostWords(hosts []string) string {
	words := strings.Join(hosts[:min(len(hosts), mostHosts)], ", ")
	if more := len(hosts) - mostHosts; more > 0 {
		words += fmt.Sprintf(" and %d more", more)
	}
	return words
}
