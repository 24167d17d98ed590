package translate

import "github.com/meshtls/meshtls/internal/istio"

// Istio's own rule for two servers, and where we are stricter: where Istio keeps both, and the listener that comes of it does not
// do what either asks.

// excludes reports whether a server of the older family keeps one of the younger away from its address.
func excludes(older, younger istio.Family) bool {
	return older.Excludes(younger) || plaintextBesideTLS(older, younger)
}

// plaintextBesideTLS returns an order of the two that Istio does not look at: it holds a plaintext server against older plaintext ones
// only, and the listener would mix both.
func plaintextBesideTLS(older, younger istio.Family) bool {
	return older == istio.FamilyTLS && younger != istio.FamilyTLS
}

// clash reports whether two servers that share an address, and answer to the same name there, exclude each other.
func clash(server *gatewayServer, host string, older hostClaim) bool {
	if host == older.host && (bothHoldHosts(server, older.server) || redirectBesidePlain(server, older.server)) {
		return true
	}
	return oneServerName(server, older.server)
}

// bothHoldHosts is Istio's own rule for two servers of a host.
func bothHoldHosts(a, b *gatewayServer) bool {
	return a.kind.HoldsHosts && b.kind.HoldsHosts
}

// redirectBesidePlain: Istio redirects a host to https as soon as one of its servers says so, and the plain one is never reached.
func redirectBesidePlain(a, b *gatewayServer) bool {
	return a.redirects() != b.redirects()
}

// oneServerName: shop/a.example and a.example are two hosts to Istio, which compares the strings, but one server name, and Envoy
// refuses such a listener as a whole. Only where both take their names from VirtualServices may these differ.
func oneServerName(a, b *gatewayServer) bool {
	return a.kind.Family == istio.FamilyTLS && (!a.routesBySNI() || !b.routesBySNI())
}

// envoyAddress is where Envoy listens for a bind. Istio's merge tells no bind, 0.0.0.0 and :: apart, but they are one listener:
// which of the wildcards stands for no bind depends on the pods' IP families.
func envoyAddress(bind string) string {
	if bind == "::" {
		bind = ""
	}
	return istio.ListenAddress(bind)
}
