package translate

import (
	"fmt"
	"strings"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/model"
)

// hostConflict tells a server that an older one answers to its host, which is spelled out.
func hostConflict(loser *gatewayServer, host string, winner hostClaim) *model.Finding {
	check, effect := "gateway-host-conflict", "Istio drops the second server of a host as a whole"
	switch {
	case loser.redirects() != winner.server.redirects():
		check, effect = "gateway-redirect-conflict", "Istio redirects a host to https as soon as one of its servers says so"
	case host != winner.host:
		effect = "Envoy refuses a listener on which two servers share a server name"
	}
	finding := loser.policy.at(loser.field()+".hosts").lostTo(winner.server.policy.MeshTLSPolicy, check,
		fmt.Sprintf("%s already serves %s on %s, and %s; this server is not rendered.",
			placeOf(winner.server), istio.HostName(host), listenerWords(loser), effect))
	finding.Remedy = "Keep the host in one of the two, or use another port or bind for one of them."
	return &finding
}

// protocolConflict tells a server that what an older one speaks at its address excludes it.
func protocolConflict(loser, winner *gatewayServer) *model.Finding {
	finding := loser.policy.at(loser.field()+".port").lostTo(winner.policy.MeshTLSPolicy, "gateway-protocol-conflict",
		fmt.Sprintf("%s already serves %s on %s, and %s cannot share an address with it; this server is not rendered.",
			placeOf(winner), winner.kind.Family, listenerWords(loser), loser.kind.Family))
	finding.Remedy = "Use another port or bind for one of the two."
	return &finding
}

func placeOf(server *gatewayServer) string {
	return fmt.Sprintf("%s of MeshTLSPolicy %s", server.field(), server.policy.key())
}

func listenerWords(server *gatewayServer) string {
	listener := listenerOf(server.planned)
	if listener.Bind != "" {
		return fmt.Sprintf("port %d of %s", listener.Port, listener.Bind)
	}
	return fmt.Sprintf("port %d", listener.Port)
}

func namespaceWords(namespaces []string) string {
	const shown = 3
	if len(namespaces) <= shown {
		return strings.Join(namespaces, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(namespaces[:shown], ", "), len(namespaces)-shown)
}
