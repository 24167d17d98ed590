package istio

import "strings"

// What Istio's merge asks about two servers, apart from its memory of those that it met. It is exported for translate, which
// settles our own servers by the same questions before there is a Gateway.

// Family is what a server of a Gateway speaks, as far as it decides with whom the server can share an address.
type Family int

const (
	// FamilyHTTP is HTTP without TLS, redirects to https included.
	FamilyHTTP Family = iota
	// FamilyTLS is anything but HTTP, with TLS settings.
	FamilyTLS
	// FamilyTCP is anything but HTTP, without TLS settings.
	FamilyTCP
)

// String returns the family in words.
func (f Family) String() string {
	return [...]string{"HTTP without TLS", "TLS", "raw TCP"}[f]
}

// Excludes reports whether Istio drops a younger server at the address of an older one of this family. It never does so because of
// TLS: there it goes by hosts alone.
// Source: istio pilot/pkg/model/gateway.go, mergeGateways.
func (f Family) Excludes(younger Family) bool {
	switch f {
	case FamilyTLS:
		return false
	case FamilyHTTP:
		return younger != FamilyHTTP
	default:
		return true
	}
}

// ServerKind is what of a server decides whom it can share an address or a host with.
type ServerKind struct {
	Family Family
	// HoldsHosts is true with TLS settings, and a redirect to https is such a setting: Istio drops a second such server of a host.
	HoldsHosts bool
}

// KindOf returns the kind of a server that declares the protocol, with or without TLS settings.
func KindOf(protocol string, tlsSettings bool) ServerKind {
	switch {
	case SpeaksHTTP(protocol):
		return ServerKind{Family: FamilyHTTP, HoldsHosts: tlsSettings}
	case tlsSettings:
		return ServerKind{Family: FamilyTLS, HoldsHosts: true}
	default:
		return ServerKind{Family: FamilyTCP}
	}
}

func (s Server) kind() ServerKind { return KindOf(s.Spec().Port.Protocol, s.Spec().Tls != nil) }

// Names returns the names that clients ask for when they mean this server.
// Source: istio pilot/pkg/model/gateway.go, GetSNIHostsForServer.
func (s Server) Names() []string {
	names := make([]string, 0, len(s.Hosts))
	for _, host := range s.Hosts {
		names = append(names, HostName(host))
	}
	return names
}

// HostName returns a server's host without the namespace whose VirtualServices may bind to it.
func HostName(host string) string {
	if _, name, scoped := strings.Cut(host, "/"); scoped {
		return name
	}
	return host
}

// SpelledOut returns a host of a server in the namespace own as Istio compares it: with the own namespace written out, and without the
// one that stands for all.
// Source: istio pilot/pkg/model/gateway.go, sanitizeServerHostNamespace.
func SpelledOut(host, own string) string {
	switch namespace, name, scoped := strings.Cut(host, "/"); {
	case scoped && namespace == ".":
		return own + "/" + name
	case scoped && namespace == "*":
		return name
	default:
		return host
	}
}

// allSpelledOut spells a server's hosts out. To Istio */* means that the server has no other host.
// Source: istio pilot/pkg/model/gateway.go, sanitizeServerHostNamespace.
func allSpelledOut(hosts []string, own string) []string {
	spelled := make([]string, 0, len(hosts))
	for _, host := range hosts {
		if host == "*/*" {
			return []string{"*"}
		}
		spelled = append(spelled, SpelledOut(host, own))
	}
	return spelled
}

// everyAddress is where Istio listens for a server without a bind.
const everyAddress = "0.0.0.0"

// ListenAddress is where Envoy listens for a server with the bind. While it merges, Istio still tells no bind from everyAddress.
// Source: istio pilot/pkg/networking/core/gateway.go, buildGatewayListeners.
func ListenAddress(bind string) string {
	if bind == "" {
		return everyAddress
	}
	return bind
}
