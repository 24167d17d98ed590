package api_test

import (
	"fmt"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
)

var _ = Describe("the servers of a gateway", func() { describe(serverRules) })

var (
	verbs    = []string{"terminate", "passthrough", "plaintext"}
	tlsVerbs = []string{"terminate", "passthrough"}
)

// serverRules are the rules that the three lists of servers share, and those between them.
var serverRules = slices.Concat(
	acrossRules,
	each(verbs, func(verb string) rule {
		return rule{
			name: verb + " with a short name as a host", field: "spec." + verb + "[0].hosts[1]", message: serverHostMessage,
			accepts: serving(verb, `port: 1443, hosts: [a.example, "*.example", "*", "./b.example", "*/c.example", "shop/*", 1.2.3-4]`),
			refuses: serving(verb, `port: 1443, hosts: [a.example, a]`),
		}
	}),
	each(verbs, func(verb string) rule {
		return rule{
			name: verb + " with a partial wildcard as a host", field: "spec." + verb + "[0].hosts[0]", message: serverHostMessage,
			accepts: serving(verb, `port: 1443, hosts: ["*.a.example"]`),
			refuses: serving(verb, `port: 1443, hosts: ["*a.example"]`),
		}
	}),
	each(verbs, func(verb string) rule {
		return rule{
			name: verb + " with a host for no namespace", field: "spec." + verb + "[0].hosts[0]", message: serverHostMessage,
			accepts: serving(verb, `port: 1443, hosts: ["./*.a.example"]`),
			refuses: serving(verb, `port: 1443, hosts: ["~/a.example"]`),
		}
	}),
	each(verbs, func(verb string) rule {
		return rule{
			name: verb + " with a host that ends in a number", field: "spec." + verb + "[0].hosts[0]",
			message: "a host that ends in a number must be an IPv4 address, without namespace/ before it",
			accepts: serving(verb, `port: 1443, hosts: [a1.example1]`),
			refuses: serving(verb, `port: 1443, hosts: [a.1]`),
		}
	}),
	each(verbs, func(verb string) rule {
		return rule{
			name: verb + " with */* as a host", field: "spec." + verb + "[0].hosts[0]",
			message: "write * instead of */*: both serve every name to every namespace, but Istio mishandles a list with */*",
			accepts: serving(verb, `port: 1443, hosts: ["*"]`),
			refuses: serving(verb, `port: 1443, hosts: ["*/*"]`),
		}
	}),
	each(verbs, func(verb string) rule {
		return rule{
			name: verb + " with a socket as bind", field: "spec." + verb + "[0].bind",
			message: "bind is an IPv4 or IPv6 address, without port or zone",
			accepts: serving(verb, `port: 1443, hosts: [a.example], bind: "::1"`),
			refuses: serving(verb, `port: 1443, hosts: [a.example], bind: "unix:///var/run/a.sock"`),
		}
	}),
	each(verbs, func(verb string) rule {
		return rule{
			name: verb + " with more than 512 hosts", field: "spec." + verb,
			message: verb + " names more than 512 hosts: split the policy",
			accepts: serving(verb, serverEntries(16, 32)...),
			refuses: serving(verb, serverEntries(17, 32)...),
		}
	}),
	each(tlsVerbs, func(verb string) rule {
		return rule{
			name: verb + " with an IP address as a host", field: "spec." + verb + "[0].hosts",
			message: "TLS servers are found by server name, which is never an IP address: use the DNS name, or * for every client",
			accepts: `{gateway: {service: edge}, plaintext: [{port: 80, hosts: [192.0.2.1]}]}`,
			refuses: serving(verb, `port: 1443, hosts: [192.0.2.1]`),
		}
	}),
	each(tlsVerbs, func(verb string) rule {
		return rule{
			name: verb + " with a host twice on a port", field: "spec." + verb,
			message: "two entries of " + verb + " serve one host on one port and bind: Istio drops the second with all its hosts; keep the host in one entry",
			accepts: serving(verb, twiceAllowed...),
			refuses: serving(verb, twice...),
		}
	}),
)

var (
	twiceAllowed = []string{`port: 1443, hosts: [a.example, b.example]`, `port: 2443, hosts: [a.example]`, `port: 1443, hosts: [b.example], bind: 192.0.2.1`}
	twice        = []string{`port: 1443, hosts: [a.example, b.example]`, `port: 2443, hosts: [a.example]`, `port: 1443, hosts: [b.example]`}
)

const serverHostMessage = "a gateway's host is a DNS name with a dot in lower case, a wildcard as in *.example.com, or *, " +
	"with an optional namespace/ (or ./ or */) before it: without scheme, port, path or trailing dot"

// acrossRules are the rules between servers of different lists, and those of plaintext.
var acrossRules = []rule{
	{
		name:    "terminate and passthrough with one host on a port",
		field:   "spec.passthrough",
		message: "terminate and passthrough serve one host on one port and bind: Istio drops the second server with all its hosts; keep the host in one of them",
		accepts: onGateway(`terminate: [{port: 443, hosts: [a.example], credentialName: a}], passthrough: [{port: 443, hosts: [b.example]}, {port: 444, hosts: [a.example]}]`),
		refuses: onGateway(`terminate: [{port: 443, hosts: [a.example], credentialName: a}], passthrough: [{port: 443, hosts: [b.example, a.example]}]`),
	},
	{
		name:    "terminate and plaintext on a port",
		field:   "spec.plaintext",
		message: "terminate and plaintext meet on one port and bind: Istio drops one of the servers; give them different ports",
		accepts: onGateway(`terminate: [{port: 443, hosts: [a.example], credentialName: a}], plaintext: [{port: 80, hosts: [a.example], redirectToHTTPS: true}]`),
		refuses: onGateway(`terminate: [{port: 443, hosts: [a.example], credentialName: a}], plaintext: [{port: 443, hosts: [b.example]}]`),
	},
	{
		name:    "passthrough and plaintext on a port",
		field:   "spec.plaintext",
		message: "passthrough and plaintext meet on one port and bind: Istio drops one of the servers; give them different ports",
		accepts: onGateway(`passthrough: [{port: 443, hosts: [a.example], bind: 192.0.2.1}], plaintext: [{port: 443, hosts: [a.example], bind: 192.0.2.2}]`),
		refuses: onGateway(`passthrough: [{port: 443, hosts: [a.example], bind: 192.0.2.1}], plaintext: [{port: 443, hosts: [b.example], bind: 192.0.2.1}]`),
	},
	{
		name:    "a name twice in one list",
		field:   "spec",
		message: nameMessage,
		accepts: onGateway(`plaintext: [{port: 80, hosts: [a.example], name: a}, {port: 81, hosts: [a.example], name: b}, {port: 82, hosts: [a.example]}]`),
		refuses: onGateway(`plaintext: [{port: 80, hosts: [a.example], name: a}, {port: 81, hosts: [a.example], name: a}]`),
	},
	{
		name:    "a name twice in two lists",
		field:   "spec",
		message: nameMessage,
		accepts: onGateway(`terminate: [{port: 443, hosts: [a.example], name: a, credentialName: a}], passthrough: [{port: 81, hosts: [a.example], name: b}]`),
		refuses: onGateway(`terminate: [{port: 443, hosts: [a.example], name: a, credentialName: a}], passthrough: [{port: 81, hosts: [a.example], name: a}]`),
	},
	{
		name:    "plaintext with a host twice on a port",
		field:   "spec.plaintext",
		message: "two entries of plaintext serve one host on one port and bind: keep the host in one entry",
		accepts: serving("plaintext", twiceAllowed...),
		refuses: serving("plaintext", twice...),
	},
	{
		name:    "a TCP server that shares its port",
		field:   "spec.plaintext",
		message: "TCP, MONGO, REDIS and MYSQL have a port and bind to themselves, since such connections name no host: give the servers different ports, or put their hosts into one entry",
		accepts: serving("plaintext", `port: 80, hosts: [a.example]`, `port: 80, hosts: [b.example], protocol: GRPC`, `port: 81, hosts: ["*"], protocol: TCP`),
		refuses: serving("plaintext", `port: 80, hosts: [a.example]`, `port: 80, hosts: [b.example], protocol: TCP`),
	},
	{
		name:    "a redirect of what is not HTTP",
		field:   "spec.plaintext[0].redirectToHTTPS",
		message: "only HTTP can be redirected: remove redirectToHTTPS, or set protocol HTTP, HTTP2, GRPC or GRPC-WEB",
		accepts: serving("plaintext", `port: 80, hosts: [a.example], protocol: HTTP2, redirectToHTTPS: true`),
		refuses: serving("plaintext", `port: 80, hosts: [a.example], protocol: MONGO, redirectToHTTPS: true`),
	},
}

const nameMessage = "two servers have one name: names are unique in terminate, passthrough and plaintext together, since Istio's statistics of servers with one name run together"

func onGateway(verbs string) string { return `{gateway: {service: edge}, ` + verbs + `}` }

// serving returns the spec of a gateway with the servers in a list.
func serving(verb string, servers ...string) string {
	entries := make([]string, 0, len(servers))
	for _, server := range servers {
		if verb == "terminate" {
			server += `, credentialName: a`
		}
		entries = append(entries, `{`+server+`}`)
	}
	return onGateway(verb + `: [` + strings.Join(entries, ", ") + `]`)
}

// serverEntries are servers of one port, each with so many hosts of its own.
func serverEntries(servers, hosts int) []string {
	var list []string
	for _, group := range hostNames(servers, hosts) {
		list = append(list, `port: 1443, hosts: [`+group+`]`)
	}
	return list
}

// hostNames are lists of hosts, all different.
func hostNames(lists, hosts int) []string {
	var groups []string
	for i := range lists {
		var names []string
		for j := range hosts {
			names = append(names, fmt.Sprintf("h%d-%d.example", i, j))
		}
		groups = append(groups, strings.Join(names, ", "))
	}
	return groups
}
