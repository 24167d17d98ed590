package policies

import (
	"fmt"

	"github.com/meshtls/meshtls/test/mesh"
	"github.com/meshtls/meshtls/test/mesh/app"
)

const partnerHost = "partner.example.com"

// toPartner returns a call out of the mesh.
func toPartner(port uint16, want []mesh.Outcome) call {
	return call{from: "client", host: partnerHost, address: "240.0.0.10", port: port, want: want}
}

// send returns a policy of the shop that sends. An empty workload stands for all of the namespace.
func send(name, workload, entry string) string {
	target := ""
	if workload != "" {
		target = "\n  workload: {" + workload + "}"
	}
	return fmt.Sprintf(`
---
apiVersion: security.meshtls.dev/v1alpha1
kind: MeshTLSPolicy
metadata: {namespace: shop, name: %s}
spec:%s
  send: [{%s}]
`, name, target, entry)
}

// sendRows are external outbound traffic: what a sidecar sends, to the mesh and out of it.
func sendRows() map[string]row {
	rows := map[string]row{}
	addMeshSendRows(rows)
	addExternalSendRows(rows)
	return rows
}

func addMeshSendRows(rows map[string]row) {
	toServer := "hosts: [" + serverHost + "], "
	client := func(want []mesh.Outcome) call { return call{from: "client", host: serverHost, port: 80, want: want} }
	tcp := func(want []mesh.Outcome) call {
		return call{from: "client", host: serverHost, port: 90, protocol: app.TCP, want: want}
	}
	sibling := func(want []mesh.Outcome) call { return call{from: "sibling", host: serverHost, port: 80, want: want} }
	neighbour := func(want []mesh.Outcome) call { return call{from: "neighbour", host: serverHost, port: 80, want: want} }
	rows["auto mTLS: Auto is mutual TLS within the mesh"] = row{
		objects: send("server", "", toServer+"mode: Auto"), calls: []call{client(mutualTLS), tcp(mutualTLS)}, short: true,
	}
	rows["external outbound: DISABLE sends plaintext"] = row{
		objects: send("server", "", toServer+"mode: Disable"), calls: []call{client(plaintext), tcp(plaintext), neighbour(mutualTLS)}, short: true,
	}
	rows["external outbound: DISABLE to a server that is STRICT is refused"] = row{
		objects: accept(shop, "server", "service: server", "Strict") + send("client", "", toServer+"mode: Disable"),
		reasons: map[string]string{"shop/client": "Refused"}, calls: []call{client(refused), tcp(refused), neighbour(mutualTLS)},
	}
	rows["external outbound: ISTIO_MUTUAL sends the mesh's mutual TLS"] = row{
		objects: send("server", "", toServer+"mode: IstioMutual"), calls: []call{client(mutualTLS), tcp(mutualTLS)}, short: true,
	}
	rows["external outbound: ISTIO_MUTUAL to a server that is DISABLE is refused"] = row{
		objects: accept(shop, "server", "service: server", "Disable") + send("client", "", toServer+"mode: IstioMutual"),
		reasons: map[string]string{"shop/client": "Refused"}, calls: []call{client(refused), neighbour(plaintext)},
	}
	rows["external outbound: ISTIO_MUTUAL with the server's name"] = row{
		objects: send("server", "", toServer+`mode: IstioMutual, subjectAltNames: ["spiffe://cluster.local/ns/shop/sa/server"]`),
		calls:   []call{client(mutualTLS), tcp(mutualTLS)},
	}
	rows["external outbound: ISTIO_MUTUAL with another server's name is refused"] = row{
		objects: send("server", "", toServer+`mode: IstioMutual, subjectAltNames: ["spiffe://cluster.local/ns/shop/sa/other"]`),
		reasons: map[string]string{"shop/server": "Refused"}, calls: []call{client(refused), neighbour(mutualTLS)}, short: true,
	}
	rows["external outbound: one port differs from its host"] = row{
		objects: send("server", "", toServer+"mode: IstioMutual, ports: [{port: 90, mode: Disable}]"), calls: []call{client(mutualTLS), tcp(plaintext)},
	}
	rows["external outbound: one port alone"] = row{
		objects: send("server", "", toServer+"ports: [{port: 80, mode: Disable}]"), calls: []call{client(plaintext), tcp(mutualTLS)},
	}
	rows["external outbound: a wildcard stands for its hosts"] = row{
		objects: headlessService + send("all", "", `hosts: ["*.shop.svc.cluster.local"], mode: Disable`), calls: []call{client(plaintext), tcp(plaintext), headless(plaintext)},
	}
	rows["external outbound: one workload sends what it is told, its siblings do not"] = row{
		objects: send("client", "selector: {matchLabels: {app: client}}", toServer+"mode: Disable"),
		calls:   []call{client(plaintext), tcp(plaintext), sibling(mutualTLS), neighbour(mutualTLS)}, short: true,
	}
	rows["external outbound: a workload differs from its namespace"] = row{
		objects: send("namespace", "", toServer+"mode: Disable") + send("client", "selector: {matchLabels: {app: client}}", toServer+"mode: IstioMutual"),
		reasons: map[string]string{"shop/client": "Conflicted"}, calls: []call{client(plaintext), sibling(plaintext)},
	}
	rows["external outbound: a subset of the owner's rule is sent what the client is told to send"] = row{
		objects: ownersSubset + `
---
apiVersion: security.meshtls.dev/v1alpha1
kind: MeshTLSPolicy
metadata: {namespace: other, name: server}
spec: {send: [{hosts: [server.shop.svc.cluster.local], mode: IstioMutual}]}
`,
		calls: []call{neighbour(mutualTLS), client(plaintext)},
	}
	rows["external outbound: a subset of the owner's rule, without a policy of the client"] = row{
		objects: ownersSubset, calls: []call{neighbour(plaintext)},
	}
	rows["external outbound: the owner decides for all clients"] = row{
		objects: send("server", "", toServer+"mode: Disable, clients: All"), calls: []call{client(plaintext), neighbour(plaintext)},
	}
}

// ownersSubset is a rule of the server's owner whose subset is sent plaintext, and a route of a client to the subset.
const ownersSubset = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {namespace: shop, name: owner}
spec:
  host: server.shop.svc.cluster.local
  trafficPolicy: {tls: {mode: DISABLE}}
  subsets: [{name: all, labels: {app: server}, trafficPolicy: {tls: {mode: DISABLE}}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {namespace: other, name: server}
spec:
  hosts: [server.shop.svc.cluster.local]
  exportTo: ["."]
  http: [{route: [{destination: {host: server.shop.svc.cluster.local, port: {number: 80}, subset: all}}]}]
`

func addExternalSendRows(rows map[string]row) {
	toPartnerWith := func(settings string) string { return send("partner", "", "hosts: ["+partnerHost+"], "+settings) }
	plain := toPartner(80, plaintext)
	rows["external outbound: without a policy what the application sends goes out as it is"] = row{
		calls: []call{plain, {from: "client", host: partnerHost, address: "240.0.0.10", port: 443, tls: oneWay, want: serverTLS}}, short: true,
	}
	rows["external outbound: DISABLE to the outside"] = row{objects: toPartnerWith("mode: Disable"), calls: []call{plain}}
	secured := func(port uint16, want []mesh.Outcome) []call { return []call{toPartner(port, want)} }
	rows["external outbound: SIMPLE with the authorities of the system"] = row{
		objects: toPartnerWith("ports: [{port: 81, mode: Simple}]"), calls: append(secured(81, serverTLS), plain), short: true,
	}
	rows["external outbound: SIMPLE with the right authority"] = row{
		objects: toPartnerWith("ports: [{port: 81, mode: Simple, caCertificates: /etc/certs/ca.pem}]"), calls: secured(81, serverTLS),
	}
	unverified := "whether a server's certificate is the right one, explain does not know"
	wrong := toPartner(81, refused)
	wrong.unforeseen = unverified
	rows["external outbound: SIMPLE with a wrong authority is refused"] = row{
		objects: toPartnerWith("ports: [{port: 81, mode: Simple, caCertificates: /etc/certs/stranger.pem}]"), calls: []call{wrong},
	}
	rows["external outbound: SIMPLE with a wrong name is refused"] = row{
		objects: toPartnerWith("ports: [{port: 81, mode: Simple, subjectAltNames: [other.example.com]}]"), calls: []call{wrong},
	}
	named := toPartner(81, serverTLS)
	named.check = func(got mesh.Result) error {
		if name := got.Answer.Report.TLS.ServerName; name != "named.example.com" {
			return fmt.Errorf("the server was asked for %s", name)
		}
		return nil
	}
	rows["external outbound: SIMPLE asks for the name that it is told"] = row{
		objects: toPartnerWith("ports: [{port: 81, mode: Simple, sni: named.example.com, subjectAltNames: [named.example.com]}]"), calls: []call{named}, short: true,
	}
	files := "clientCertificate: /etc/certs/client.pem, privateKey: /etc/certs/client-key.pem, caCertificates: /etc/certs/ca.pem"
	rows["external outbound: MUTUAL with files"] = row{
		objects: toPartnerWith("ports: [{port: 82, mode: Mutual, " + files + "}]"), calls: secured(82, mutualTLS),
	}
	rows["external outbound: MUTUAL with a Secret"] = row{
		objects: send("partner", "selector: {matchLabels: {app: client}}", "hosts: ["+partnerHost+"], ports: [{port: 82, mode: Mutual, credentialName: client-cert}]"),
		calls:   secured(82, mutualTLS), short: true,
	}
	stranger := toPartner(81, refused)
	stranger.unforeseen = unverified
	rows["external outbound: ISTIO_MUTUAL to the outside is refused by the client"] = row{
		objects: toPartnerWith("ports: [{port: 81, mode: IstioMutual}]"), calls: []call{stranger},
		reasons: map[string]string{"shop/partner": "Refused"},
	}
	rows["external outbound: SIMPLE without looking at the certificate"] = row{
		objects: toPartnerWith("ports: [{port: 81, mode: Simple, insecureSkipVerify: true, sni: whatever.example.com}]"), calls: secured(81, serverTLS),
	}
	without := toPartner(82, refused)
	without.unforeseen = "whether a server outside demands a certificate, explain does not know"
	rows["external outbound: SIMPLE to a server that demands a certificate is refused"] = row{
		objects: toPartnerWith("ports: [{port: 82, mode: Simple}]"), calls: []call{without},
	}
}
