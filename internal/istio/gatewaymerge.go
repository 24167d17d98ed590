package istio

import "fmt"

// DropReason is why Istio leaves a server out.
type DropReason string

const (
	// DropHost: an older server with TLS settings has the host at the port and bind.
	DropHost DropReason = "Host"
	// DropProtocol: an older server speaks something else at the port and bind.
	DropProtocol DropReason = "Protocol"
	// DropPortName: a server of the same Gateway has the port's name.
	DropPortName DropReason = "PortName"
	// DropPrivileged: the pods may not listen on the port. By is the server itself.
	DropPrivileged DropReason = "Privileged"
	// DropManaged: the pods are those of a Kubernetes Gateway that Istio keeps, of another namespace than the server's Gateway.
	DropManaged DropReason = "Managed"
)

// Dropped is a server that Istio leaves out as a whole.
type Dropped struct {
	Server Server
	Reason DropReason
	// By is the server that is in the way. It may have been dropped itself, for another reason.
	By Server
	// Host is the one that both have, with DropHost.
	Host string
	// Why is a full sentence.
	Why string
}

// Remedy is what the owner of the server can do, as a full sentence.
func (d Dropped) Remedy() string {
	if d.Reason == DropManaged {
		return fmt.Sprintf("Serve it by a listener of %s, or put its Gateway into namespace %s.", d.By.Ref(), d.By.Ref().Namespace)
	}
	return "Use another host, port, bind or port name, or remove the other server."
}

// address is what Istio keeps servers apart by while it merges. The protocol is part of it.
type address struct {
	port     int32
	protocol string
	bind     string
}

// gatewayMerge merges servers as Istio does, with its order and its gaps: a server without TLS is held only against older ones
// without, the last of which counts at each port; of each host only the last bind is remembered.
// Source: istio pilot/pkg/model/gateway.go, mergeGateways.
type gatewayMerge struct {
	// plain is, for each port, the address at which a server without TLS was last opened.
	plain map[int32]address
	// hosts are, for each port, those of the servers with TLS settings.
	hosts map[int32]map[string]Server
	// routes are the servers that end HTTPS.
	routes  map[string]Server
	servers map[address][]Server
	// order is that in which the addresses were first used.
	order   []address
	dropped []Dropped
}

func newGatewayMerge() *gatewayMerge {
	return &gatewayMerge{
		plain:   map[int32]address{},
		hosts:   map[int32]map[string]Server{},
		routes:  map[string]Server{},
		servers: map[address][]Server{},
	}
}

// admit lets the server in at the pods' port, or drops it.
func (m *gatewayMerge) admit(s Server, port int32) {
	at := address{port: port, protocol: s.Spec().Port.Protocol, bind: s.Spec().Bind}
	if older, host, taken := m.claimHosts(s, port); taken {
		m.drop(s, DropHost, older, host)
		return
	}
	if plain, opened := m.plain[port]; opened {
		if plain.bind != at.bind {
			m.open(s, at)
			return
		}
		if older := m.servers[plain][0]; older.kind().Family.Excludes(s.kind().Family) {
			m.drop(s, DropProtocol, older, "")
			return
		}
		m.servers[plain] = append(m.servers[plain], s)
		return
	}
	if older, taken := m.claimRoute(s, at); taken {
		m.drop(s, DropPortName, older, "")
		return
	}
	m.open(s, at)
}

// claimHosts notes the hosts of a server with TLS settings, unless one of them is taken. The bind of a host is that of the last
// server that claimed it.
// Source: istio pilot/pkg/model/gateway.go, CheckDuplicates.
func (m *gatewayMerge) claimHosts(s Server, port int32) (older Server, host string, taken bool) {
	if !s.kind().HoldsHosts {
		return Server{}, "", false
	}
	for _, host := range s.Hosts {
		if older, known := m.hosts[port][host]; known && older.Spec().Bind == s.Spec().Bind {
			return older, host, true
		}
	}
	if m.hosts[port] == nil {
		m.hosts[port] = map[string]Server{}
	}
	for _, host := range s.Hosts {
		m.hosts[port][host] = s
	}
	return Server{}, "", false
}

// claimRoute notes the route of a server that ends HTTPS, which its Gateway and its port's name make up.
// Source: istio pilot/pkg/model/gateway.go, gatewayRDSRouteName.
func (m *gatewayMerge) claimRoute(s Server, at address) (older Server, taken bool) {
	if !s.endsHTTPS() {
		return Server{}, false
	}
	spec := s.Spec()
	route := fmt.Sprintf("%d/%s/%s/%s", spec.Port.Number, spec.Port.Name, s.Key(), at.bind)
	if older, taken = m.routes[route]; !taken {
		m.routes[route] = s
	}
	return older, taken
}

// open adds the server at an address of its own, or to those that are there.
func (m *gatewayMerge) open(s Server, at address) {
	if _, opened := m.servers[at]; !opened {
		m.order = append(m.order, at)
		if s.kind().Family != FamilyTLS {
			m.plain[at.port] = at
		}
	}
	m.servers[at] = append(m.servers[at], s)
}

func (m *gatewayMerge) drop(s Server, reason DropReason, by Server, host string) {
	dropped := Dropped{Server: s, Reason: reason, By: by, Host: host}
	place := fmt.Sprintf("%s of %s", by.Field(""), by.Ref())
	switch reason {
	case DropHost:
		dropped.Why = fmt.Sprintf("%s already has host %s on the port, and Istio drops the second server of a host as a whole.", place, host)
	case DropProtocol:
		dropped.Why = fmt.Sprintf("%s already speaks %s on the port, and %s cannot share it.", place, by.Spec().Port.Protocol,
			s.Spec().Port.Protocol)
	case DropManaged:
		dropped.Why = fmt.Sprintf("The pods are those of %s, and Istio lets no Gateway of another namespace have servers at pods that it "+
			"keeps for a Kubernetes Gateway.", by.Ref())
	case DropPortName:
		dropped.Why = fmt.Sprintf("%s has the same port name, and Istio needs it to tell the two apart.", place)
	}
	m.dropped = append(m.dropped, dropped)
}

// listeners puts the addresses together that are one to Envoy: the protocol makes no difference there, and no bind is the same as
// all addresses.
// Source: istio pilot/pkg/networking/core/gateway.go, buildGatewayListeners.
func (m *gatewayMerge) listeners() Listeners {
	merged := Listeners{Dropped: m.dropped}
	places := map[address]int{}
	for _, at := range m.order {
		place := address{port: at.port, bind: ListenAddress(at.bind)}
		i, known := places[place]
		if !known {
			i = len(merged.Listeners)
			places[place] = i
			merged.Listeners = append(merged.Listeners, Listener{Bind: place.bind, Port: place.port})
		}
		merged.Listeners[i].Servers = append(merged.Listeners[i].Servers, m.servers[at]...)
	}
	return merged
}
