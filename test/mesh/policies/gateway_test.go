package policies

import (
	"crypto/tls"
	"fmt"
	"strings"

	"github.com/meshtls/meshtls/test/mesh"
	"github.com/meshtls/meshtls/test/mesh/app"
)

const (
	gatewayHost = "gateway.edge.svc.cluster.local"
	shopHost    = "shop.example.com"
)

// through returns what becomes of a call that is terminated at the gateway.
func through(first mesh.Outcome) []mesh.Outcome { return []mesh.Outcome{first, mesh.MutualTLS} }

// atGateway returns a call of a client outside of the mesh to the gateway.
func atGateway(port uint16, speaks clientTLS, want []mesh.Outcome) call {
	return call{from: "bare", host: shopHost, address: gatewayHost, port: port, tls: speaks, want: want}
}

// gatewayPolicy returns the policy of the gateway.
func gatewayPolicy(verbs string) string {
	return `
---
apiVersion: security.meshtls.dev/v1alpha1
kind: MeshTLSPolicy
metadata: {namespace: edge, name: edge}
spec:
  gateway: {service: gateway}
` + verbs
}

// httpRoute routes what the gateway has ended to the server.
const httpRoute = `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {namespace: edge, name: shop}
spec:
  hosts: [shop.example.com]
  gateways: [GATEWAY]
  http: [{route: [{destination: {host: server.shop.svc.cluster.local, port: {number: 80}}}]}]
`

// gatewayRows returns the connections of gateways.
func gatewayRows() map[string]row {
	rows := map[string]row{
		"gateway inbound: HTTP": {
			objects: gatewayPolicy("  plaintext: [{port: 80, hosts: [shop.example.com]}]") + httpRoute,
			calls:   []call{atGateway(80, noTLS, through(mesh.Plaintext))}, short: true,
		},
		"gateway inbound: HTTP is sent to HTTPS": {
			objects: gatewayPolicy(`  plaintext: [{port: 80, hosts: [shop.example.com], redirectToHTTPS: true}]
  terminate: [{port: 443, hosts: [shop.example.com], credentialName: shop-cert}]`) + httpRoute,
			calls: []call{redirected(), atGateway(443, oneWay, through(mesh.TLS))},
		},
		"gateway inbound: TCP": {
			objects: gatewayPolicy(`  plaintext: [{port: 444, protocol: TCP, hosts: ["*"]}]`) + tcpRoute(444),
			calls:   []call{{from: "bare", host: shopHost, address: gatewayHost, port: 444, protocol: app.TCP, want: through(mesh.Plaintext)}},
		},
		"gateway inbound: TLS around TCP": {
			objects: gatewayPolicy(`  terminate: [{port: 444, protocol: TLS, hosts: [shop.example.com], credentialName: shop-cert}]`) + tcpRoute(444),
			calls:   []call{{from: "bare", host: shopHost, address: gatewayHost, port: 444, protocol: app.TCP, tls: oneWay, want: through(mesh.TLS)}},
		},
		"gateway inbound: PASSTHROUGH by the name that is asked for": {
			objects: gatewayPolicy(`  passthrough: [{port: 444, hosts: [pass.example.com]}]`) + passRoute,
			calls: []call{
				{from: "bare", host: "pass.example.com", address: gatewayHost, port: 444, tls: oneWay, want: []mesh.Outcome{mesh.TLS, mesh.MutualTLS}, check: nil},
				{from: "bare", host: "other.example.com", address: gatewayHost, port: 444, tls: oneWay, want: refused},
			},
		},
	}
	addTerminateRows(rows)
	addCredentialRows(rows)
	addUpstreamRows(rows)
	return rows
}

// redirected returns a call that is sent to HTTPS.
func redirected() call {
	c := atGateway(80, noTLS, refused)
	c.check = func(got mesh.Result) error {
		if got.Answer.Status != 301 || !strings.HasPrefix(got.Answer.Location, "https://"+shopHost) {
			return fmt.Errorf("got %d to %q, want 301 to https", got.Answer.Status, got.Answer.Location)
		}
		return nil
	}
	return c
}

func tcpRoute(port int) string {
	return fmt.Sprintf(`
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {namespace: edge, name: shop}
spec:
  hosts: ["*"]
  gateways: [GATEWAY]
  tcp: [{match: [{port: %d}], route: [{destination: {host: server.shop.svc.cluster.local, port: {number: 90}}}]}]
`, port)
}

const passRoute = `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {namespace: edge, name: shop}
spec:
  hosts: [pass.example.com]
  gateways: [GATEWAY]
  tls: [{match: [{port: 444, sniHosts: [pass.example.com]}], route: [{destination: {host: server.shop.svc.cluster.local, port: {number: 443}}}]}]
`

// addTerminateRows adds TLS that ends at the gateway.
func addTerminateRows(rows map[string]row) {
	terminate := func(settings string) string {
		return gatewayPolicy("  terminate: [{port: 443, hosts: [shop.example.com], "+settings+"}]") + httpRoute
	}
	rows["gateway inbound: SIMPLE"] = row{
		objects: terminate("credentialName: shop-cert"),
		calls:   []call{atGateway(443, oneWay, through(mesh.TLS)), atGateway(443, noTLS, refused)}, short: true,
	}
	clients := func(none, own, foreign []mesh.Outcome) []call {
		bad := atGateway(443, withForeign, foreign)
		expired := atGateway(443, withExpired, refused)
		expired.unforeseen = "whether a client's certificate has expired, explain does not know"
		return []call{atGateway(443, oneWay, none), atGateway(443, withCertificate, own), bad, expired}
	}
	rows["gateway inbound: MUTUAL"] = row{
		objects: terminate("mode: Mutual, credentialName: mutual-cert"), calls: clients(refused, through(mesh.MutualTLS), refused), short: true,
	}
	rows["gateway inbound: OPTIONAL_MUTUAL"] = row{
		objects: terminate("mode: OptionalMutual, credentialName: mutual-cert"), calls: clients(through(mesh.TLS), through(mesh.MutualTLS), refused),
	}
	for what, settings := range map[string]string{
		"names": "subjectAltNames: [client.example.com]", "pins": `verifyCertificateSpki: ["SPKI"]`,
	} {
		rows["gateway inbound: OPTIONAL_MUTUAL with "+what+", which Envoy asks of every client"] = row{
			objects: terminate("mode: OptionalMutual, credentialName: mutual-cert, " + settings),
			reasons: map[string]string{"edge/edge": "Inert"}, calls: clients(refused, through(mesh.MutualTLS), refused), short: what == "names",
		}
	}
	atMost := func(version uint16, want []mesh.Outcome) call {
		c := atGateway(443, oneWay, want)
		c.adjust = func(config *tls.Config) { config.MaxVersion = version }
		c.unforeseen = "which versions a client speaks, explain is not told"
		return c
	}
	rows["gateway inbound: versions of the profile Modern"] = row{
		objects: terminate("credentialName: shop-cert, profile: Modern"), calls: []call{atMost(tls.VersionTLS13, through(mesh.TLS)), atMost(tls.VersionTLS12, refused)},
	}
	rows["gateway inbound: versions of the profile Intermediate"] = row{
		objects: terminate("credentialName: shop-cert, profile: Intermediate"),
		calls:   []call{atMost(tls.VersionTLS13, through(mesh.TLS)), atMost(tls.VersionTLS12, through(mesh.TLS)), atMost(tls.VersionTLS11, refused)},
	}
	suite := func(id uint16, want []mesh.Outcome) call {
		c := atMost(tls.VersionTLS12, want)
		c.adjust = func(config *tls.Config) { config.MaxVersion, config.CipherSuites = tls.VersionTLS12, []uint16{id} }
		return c
	}
	rows["gateway inbound: versions and ciphers of the profile FIPS"] = row{
		objects: terminate("credentialName: shop-cert, profile: FIPS"),
		calls: []call{
			suite(tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, through(mesh.TLS)), suite(tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, refused),
		},
	}
	rows["gateway inbound: the versions and ciphers of the policy"] = row{
		objects: terminate("credentialName: shop-cert, maxProtocolVersion: TLSV1_2, cipherSuites: [ECDHE-ECDSA-AES256-GCM-SHA384]"),
		calls: []call{
			suite(tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, through(mesh.TLS)), suite(tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, refused),
			atLeast(tls.VersionTLS13, refused),
		},
	}
}

// atLeast returns a call of a client that speaks no version below one.
func atLeast(version uint16, want []mesh.Outcome) call {
	c := atGateway(443, oneWay, want)
	c.adjust = func(config *tls.Config) { config.MinVersion = version }
	c.unforeseen = "which versions a client speaks, explain is not told"
	return c
}

// addCredentialRows adds where a gateway's certificates come from, and whom it lets in.
func addCredentialRows(rows map[string]row) {
	terminate := func(settings string) string {
		return gatewayPolicy("  terminate: [{port: 443, hosts: [shop.example.com], "+settings+"}]") + httpRoute
	}
	unseen := func(why string, speaks clientTLS, want []mesh.Outcome) call {
		c := atGateway(443, speaks, want)
		c.unforeseen = why
		return c
	}
	const noSecrets = "what is in a Secret, explain does not know without the right to read it"
	rows["gateway inbound: a credential that is missing"] = row{
		objects: terminate("credentialName: nowhere"), calls: []call{unseen(noSecrets, oneWay, refused)},
	}
	rows["gateway inbound: a credential that is broken"] = row{
		objects: terminate("credentialName: broken-cert"), calls: []call{unseen(noSecrets, oneWay, refused)},
	}
	rows["gateway inbound: SIMPLE with files"] = row{
		objects: terminate("serverCertificate: /etc/certs/served.pem, privateKey: /etc/certs/served-key.pem"), calls: []call{atGateway(443, oneWay, through(mesh.TLS))},
	}
	rows["gateway inbound: MUTUAL with files"] = row{
		objects: terminate("mode: Mutual, serverCertificate: /etc/certs/served.pem, privateKey: /etc/certs/served-key.pem, caCertificates: /etc/certs/ca.pem"),
		calls:   []call{atGateway(443, oneWay, refused), atGateway(443, withCertificate, through(mesh.MutualTLS)), atGateway(443, withForeign, refused)},
	}
	rows["gateway inbound: MUTUAL with the clients' authority in a Secret of its own"] = row{
		objects: terminate("mode: Mutual, credentialName: shop-cert, caCertCredentialName: clients-cacert"),
		calls:   []call{atGateway(443, oneWay, refused), atGateway(443, withCertificate, through(mesh.MutualTLS))},
	}
	const noCertificates = "which certificate a client shows, explain does not know"
	rows["gateway inbound: MUTUAL refuses a revoked certificate"] = row{
		objects: terminate("mode: Mutual, credentialName: revoking-cert"),
		calls:   []call{atGateway(443, withCertificate, through(mesh.MutualTLS)), unseen(noCertificates, withRevoked, refused)}, short: true,
	}
	for pin, setting := range map[string]string{"key": `verifyCertificateSpki: ["SPKI"]`, "certificate": `verifyCertificateHash: ["HASH"]`} {
		rows["gateway inbound: MUTUAL with a pinned "+pin] = row{
			objects: terminate("mode: Mutual, credentialName: mutual-cert, " + setting),
			calls:   []call{atGateway(443, withCertificate, through(mesh.MutualTLS)), unseen(noCertificates, withRevoked, refused)},
		}
	}
	rows["gateway inbound: MUTUAL with names of clients"] = row{
		objects: terminate("mode: Mutual, credentialName: mutual-cert, subjectAltNames: [other.example.com]"),
		calls:   []call{unseen(noCertificates, withCertificate, refused)},
	}
	rows["gateway inbound: a wildcard host"] = row{
		objects: gatewayPolicy(`  terminate: [{port: 443, hosts: ["*.example.com"], credentialName: shop-cert}]`) + httpRoute,
		calls:   []call{atGateway(443, oneWay, through(mesh.TLS))},
	}
	rows["gateway inbound: ISTIO_MUTUAL"] = row{
		objects: gatewayPolicy(`  terminate: [{port: 443, hosts: ["*"], mode: IstioMutual}]`) + strings.ReplaceAll(httpRoute, "[shop.example.com]", `["*"]`) +
			send("gateway", "", "hosts: [gateway.edge.svc.cluster.local], mode: IstioMutual"),
		calls: []call{
			{from: "client", host: gatewayHost, port: 443, want: []mesh.Outcome{mesh.MutualTLS, mesh.MutualTLS}, unforeseen: "behind a gateway, its servers decide"},
			atGateway(443, withCertificate, refused),
		},
	}
}

// addUpstreamRows adds what a gateway sends on.
func addUpstreamRows(rows map[string]row) {
	for mode, last := range map[string]mesh.Outcome{"Disable": mesh.Plaintext, "IstioMutual": mesh.MutualTLS, "Auto": mesh.MutualTLS} {
		rows["gateway outbound: "+mode+" to the mesh"] = row{
			objects: gatewayPolicy("  plaintext: [{port: 80, hosts: [shop.example.com]}]\n  send: [{hosts: ["+serverHost+"], mode: "+mode+"}]") + httpRoute,
			calls:   []call{atGateway(80, noTLS, []mesh.Outcome{mesh.Plaintext, last})},
		}
	}
	for name, outside := range map[string]struct {
		send string
		port int
		last mesh.Outcome
	}{
		"SIMPLE":               {"ports: [{port: 81, mode: Simple, sni: partner.example.com, subjectAltNames: [partner.example.com]}]", 81, mesh.TLS},
		"MUTUAL with a Secret": {"ports: [{port: 82, mode: Mutual, credentialName: client-cert, sni: partner.example.com, subjectAltNames: [partner.example.com]}]", 82, mesh.MutualTLS},
	} {
		rows["gateway outbound: "+name+" to the outside"] = row{
			objects: gatewayPolicy("  plaintext: [{port: 80, hosts: [shop.example.com]}]\n  send: [{hosts: [partner.example.com], "+outside.send+"}]") + partnerRoute(outside.port),
			calls:   []call{atGateway(80, noTLS, []mesh.Outcome{mesh.Plaintext, outside.last})},
		}
	}
	rows["egress gateway: SIMPLE to the outside"] = row{objects: egress, calls: []call{toPartner(80, []mesh.Outcome{mesh.MutualTLS, mesh.TLS})}}
}

// partnerRoute leads what the gateway has taken out of the mesh.
func partnerRoute(port int) string {
	return fmt.Sprintf(`
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {namespace: edge, name: shop}
spec:
  hosts: [shop.example.com]
  gateways: [GATEWAY]
  http: [{route: [{destination: {host: partner.example.com, port: {number: %d}}}]}]
`, port)
}

// egress leads calls to the partner through the gateway, which ends the mesh's mutual TLS and originates TLS of its own.
const egress = `
apiVersion: security.meshtls.dev/v1alpha1
kind: MeshTLSPolicy
metadata: {namespace: shop, name: partner}
spec:
  send: [{hosts: [gateway.edge.svc.cluster.local], mode: IstioMutual, sni: partner.example.com}]
---
apiVersion: security.meshtls.dev/v1alpha1
kind: MeshTLSPolicy
metadata: {namespace: edge, name: edge}
spec:
  gateway: {service: gateway}
  terminate: [{port: 443, hosts: [partner.example.com], mode: IstioMutual}]
  send: [{hosts: [partner.example.com], ports: [{port: 81, mode: Simple, sni: partner.example.com, subjectAltNames: [partner.example.com]}]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {namespace: shop, name: partner}
spec:
  hosts: [partner.example.com]
  gateways: [mesh, GATEWAY]
  http:
  - match: [{gateways: [mesh], port: 80}]
    route: [{destination: {host: gateway.edge.svc.cluster.local, port: {number: 443}}}]
  - match: [{gateways: [GATEWAY], port: 443}]
    route: [{destination: {host: partner.example.com, port: {number: 81}}}]
`
