package policies

import (
	"fmt"
	"strings"

	"github.com/meshtls/meshtls/test/mesh"
	"github.com/meshtls/meshtls/test/mesh/app"
)

const serverHost = "server.shop.svc.cluster.local"

// Short forms of what becomes of a call.
var (
	refused   = []mesh.Outcome{mesh.Refused}
	plaintext = []mesh.Outcome{mesh.Plaintext}
	serverTLS = []mesh.Outcome{mesh.TLS}
	mutualTLS = []mesh.Outcome{mesh.MutualTLS}
)

// notADestination is why explain says nothing of a client's call to an address.
const notADestination = "an IP address is no destination that explain knows"

// The modes, as what becomes of a client with a sidecar, of one without a proxy, and of one with a sidecar that calls the pod's
// address, which Istio does not know as a destination and sends plaintext to.
var modes = map[string]struct{ sidecar, bare, podIP []mesh.Outcome }{
	"Strict":     {mutualTLS, refused, refused},
	"Permissive": {mutualTLS, plaintext, plaintext},
	"Disable":    {plaintext, plaintext, plaintext},
}

// clientsOf are calls to the server at a mode: from its namespace and from another, with a sidecar and without, over HTTP and TCP, by
// the Service's name, by the headless Service's, and by the pod's address.
func clientsOf(mode string) []call {
	m := modes[mode]
	return []call{
		{from: "client", host: serverHost, port: 80, want: m.sidecar},
		{from: "client", host: serverHost, port: 90, protocol: app.TCP, want: m.sidecar},
		{from: "client", host: serverHost, port: 91, protocol: app.ServerFirst, want: m.sidecar},
		{from: "neighbour", host: serverHost, port: 80, want: m.sidecar},
		{from: "bare", host: serverHost, port: 80, want: m.bare},
		{from: "bare", host: serverHost, port: 90, protocol: app.TCP, want: m.bare},
		{from: "bare", host: "server", port: 9000, want: m.bare},
		{from: "client", host: "server", port: 9000, want: m.podIP, unforeseen: notADestination},
	}
}

// acceptRows are external inbound traffic, what a sidecar takes, and local inbound traffic, what it hands on.
func acceptRows() map[string]row {
	rows := map[string]row{
		"external inbound: without a policy both are taken": {calls: clientsOf("Permissive"), short: true},
		"external inbound: a workload is Strict in a namespace that is Disable": {
			objects: accept(shop, "namespace", "", "Disable") + accept(shop, "server", "service: server", "Strict"),
			calls:   clientsOf("Strict"), short: true,
		},
		"external inbound: a workload is Disable in a namespace that is Strict": {
			objects: accept(shop, "namespace", "", "Strict") + accept(shop, "server", "service: server", "Disable"), calls: clientsOf("Disable"),
		},
		"external inbound: a namespace is Permissive in a mesh that is Strict": {
			objects: accept("istio-system", "mesh", "", "Strict") + accept(shop, "namespace", "", "Permissive"), calls: clientsOf("Permissive"),
		},
	}
	for _, mode := range []string{"Strict", "Permissive", "Disable"} {
		rows["external inbound: "+mode+" for the mesh"] = row{objects: accept("istio-system", "mesh", "", mode), calls: clientsOf(mode)}
		rows["external inbound: "+mode+" for a namespace"] = row{
			objects: accept(shop, "namespace", "", mode), calls: clientsOf(mode), short: mode == "Strict",
		}
		rows["external inbound: "+mode+" for a workload"] = row{
			objects: accept(shop, "server", "service: server", mode), calls: clientsOf(mode), short: mode == "Disable",
		}
	}
	addPortRows(rows)
	addPolicyRows(rows)
	addOwnTLSRows(rows)
	addTrapRows(rows)
	addHeadlessRows(rows)
	return rows
}

// headlessService is a Service of the server that has no address of its own.
const headlessService = `
---
apiVersion: v1
kind: Service
metadata: {namespace: shop, name: headless}
spec:
  clusterIP: None
  selector: {app: server}
  ports: [{name: http, port: 8080}]
`

// headlessElsewhere is one whose port leads to a port that takes no mutual TLS, beside the one of its own number that takes nothing else.
const headlessElsewhere = `
apiVersion: v1
kind: Service
metadata: {namespace: shop, name: elsewhere}
spec:
  clusterIP: None
  selector: {app: server}
  ports: [{name: tcp, port: 9000, targetPort: 8080}]
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {namespace: shop, name: server}
spec:
  selector: {matchLabels: {app: server}}
  mtls: {mode: STRICT}
  portLevelMtls: {8080: {mode: DISABLE}}
`

// headless returns a call by the name of the headless Service.
func headless(want []mesh.Outcome) call {
	return call{from: "client", host: "headless.shop.svc.cluster.local", port: 8080, want: want}
}

// accept returns a policy that accepts. An empty workload stands for all of the namespace.
func accept(namespace, name, workload, mode string, ports ...string) string {
	target, exceptions := "", ""
	if workload != "" {
		target = "\n  workload: {" + workload + "}"
	}
	if len(ports) > 0 {
		exceptions = ", ports: [" + strings.Join(ports, ", ") + "]"
	}
	return fmt.Sprintf(`
---
apiVersion: security.meshtls.dev/v1alpha1
kind: MeshTLSPolicy
metadata: {namespace: %s, name: %s}
spec:%s
  accept: {mode: %s%s}
`, namespace, name, target, mode, exceptions)
}

// addPortRows adds what can be chosen for each port of a service: STRICT, PERMISSIVE, DISABLED, and DEFAULT.
func addPortRows(rows map[string]row) {
	ports := map[string]struct{ exception, workload string }{
		"a Service port":                     {"servicePort: http", "service: server"},
		"a Service port with a named target": {"servicePort: 81", "service: server"},
		"a container port without a Service": {"port: 9000", "selector: {matchLabels: {app: server}}"},
	}
	for _, mode := range []string{"Strict", "Permissive", "Disable", "Inherit"} {
		around, effective := "Strict", mode
		switch mode {
		case "Strict":
			around = "Permissive"
		case "Inherit":
			effective = around
		}
		for name, port := range ports {
			rows[fmt.Sprintf("external inbound: %s for %s of a workload that is %s", mode, name, around)] = row{
				objects: accept(shop, "server", port.workload, around, fmt.Sprintf("{%s, mode: %s}", port.exception, mode)),
				calls:   append(callsTo(name, effective), callsTo("another port", around)...), short: mode == "Disable" && name == "a Service port",
			}
		}
	}
}

// callsTo are calls to one port of the server.
func callsTo(name, mode string) []call {
	m := modes[mode]
	switch name {
	case "a Service port":
		return []call{{from: "client", host: serverHost, port: 80, want: m.sidecar}, {from: "bare", host: serverHost, port: 80, want: m.bare}}
	case "a Service port with a named target":
		return []call{{from: "client", host: serverHost, port: 81, want: m.sidecar}, {from: "bare", host: serverHost, port: 81, want: m.bare}}
	case "a container port without a Service":
		return []call{{from: "bare", host: "server", port: 9000, want: m.bare}}
	}
	return []call{
		{from: "client", host: serverHost, port: 90, protocol: app.TCP, want: m.sidecar},
		{from: "bare", host: serverHost, port: 90, protocol: app.TCP, want: m.bare},
	}
}

// addPolicyRows adds what several policies come to.
func addPolicyRows(rows map[string]row) {
	rows["several policies: one has the mode, another a port"] = row{
		objects: accept(shop, "mode", "service: server", "Strict") + accept(shop, "port", "service: server", "Inherit", "{servicePort: tcp, mode: Disable}"),
		calls:   append(callsTo("a Service port", "Strict"), callsTo("another port", "Disable")...), short: true,
	}
	rows["several policies: the older one keeps the mode"] = row{
		objects: accept(shop, "a-older", "service: server", "Strict") + accept(shop, "b-younger", "service: server", "Disable"),
		reasons: map[string]string{"shop/b-younger": "Conflicted"}, calls: clientsOf("Strict"),
	}
	rows["a floor: a workload below the mesh's floor is not loosened"] = row{
		objects: `
apiVersion: security.meshtls.dev/v1alpha1
kind: MeshTLSPolicy
metadata: {namespace: istio-system, name: mesh}
spec: {accept: {mode: Strict, floor: Strict}}
` + accept(shop, "server", "service: server", "Disable"),
		reasons: map[string]string{"shop/server": "BelowFloor"}, calls: clientsOf("Strict"), short: true,
	}
	rows["a floor: what is on the floor holds"] = row{
		objects: `
apiVersion: security.meshtls.dev/v1alpha1
kind: MeshTLSPolicy
metadata: {namespace: shop, name: namespace}
spec: {accept: {mode: Strict, floor: Permissive}}
` + accept(shop, "server", "service: server", "Permissive"),
		calls: clientsOf("Permissive"),
	}
}

// addOwnTLSRows adds applications that speak TLS themselves, at a port that is declared so.
func addOwnTLSRows(rows map[string]row) {
	for mode, want := range map[string][]mesh.Outcome{"Permissive": serverTLS, "Strict": refused, "Disable": serverTLS} {
		rows["local inbound: TLS of the application is forwarded as it is, or refused, at "+mode] = row{
			objects: accept(shop, "server", "service: server", mode),
			calls: []call{
				{from: "bare", host: serverHost, port: 443, tls: oneWay, want: want, check: ownTLS(want)},
				{from: "bare", host: serverHost, port: 443, tls: withCertificate, want: map[bool][]mesh.Outcome{true: refused, false: mutualTLS}[mode == "Strict"], unforeseen: "whether applications show certificates to each other, explain does not know"},
			},
			short: mode == "Permissive",
		}
	}
}

// addTrapRows adds what surprises people.
func addTrapRows(rows map[string]row) {
	const guesses = "how a client behaves that says nothing, explain does not know"
	first := func(want []mesh.Outcome, unforeseen string) call {
		return call{from: "bare", host: serverHost, port: 91, protocol: app.ServerFirst, want: want, unforeseen: unforeseen}
	}
	rows["a server that speaks first: a client without a proxy hangs where both are taken"] = row{
		objects: accept(shop, "server", "service: server", "Permissive"), calls: []call{first(refused, guesses)},
	}
	rows["a server that speaks first: it is heard where only plaintext is taken"] = row{
		objects: accept(shop, "server", "service: server", "Disable"), calls: []call{first(plaintext, "")},
	}
	for _, mode := range []string{"Permissive", "Strict", "Disable"} {
		rows["local inbound: TLS of the application to a port that is declared HTTP is refused at "+mode] = row{
			objects: accept(shop, "server", "service: server", mode), calls: []call{{from: "bare", host: serverHost, port: 80, tls: oneWay, want: refused}},
		}
	}
	rows["a PeerAuthentication that is older decides, and the policy is told"] = row{
		objects: `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {namespace: shop, name: a-older}
spec: {selector: {matchLabels: {app: server}}, mtls: {mode: DISABLE}}
` + accept(shop, "server", "service: server", "Strict"),
		reasons: map[string]string{"shop/server": "Shadowed"}, calls: clientsOf("Disable")[1:],
	}
}

// addHeadlessRows adds clients that name a headless Service: Istio decides what they send by the modes of the namespace and of the
// mesh alone, whatever the pods behind it take.
func addHeadlessRows(rows map[string]row) {
	rows["a headless Service: without a policy"] = row{objects: headlessService, calls: []call{headless(mutualTLS)}}
	rows["a headless Service: the namespace is Strict"] = row{
		objects: headlessService + accept(shop, "namespace", "", "Strict"), calls: []call{headless(mutualTLS)},
	}
	rows["a headless Service: the namespace is Disable"] = row{
		objects: headlessService + accept(shop, "namespace", "", "Disable"), calls: []call{headless(plaintext)},
	}
	rows["a headless Service: the workload is Strict in a namespace that is Disable"] = row{
		objects: headlessService + accept(shop, "namespace", "", "Disable") + accept(shop, "server", "service: server", "Strict"),
		calls:   []call{headless(mutualTLS)}, short: true,
	}
	rows["a headless Service: the workload is Disable, its clients are refused"] = row{
		objects: headlessService + accept(shop, "server", "service: server", "Disable"), calls: []call{headless(refused)},
		reasons: map[string]string{"shop/server": "Refused"}, short: true,
	}
	rows["a headless Service: clients keep the number of its port, wherever that leads"] = row{
		objects: headlessElsewhere, short: true,
		calls: []call{{from: "client", host: "elsewhere.shop.svc.cluster.local", port: 9000, protocol: app.TCP, want: mutualTLS}},
	}
	rows["a headless Service: the workload is Disable, and its clients are told"] = row{
		objects: headlessService + accept(shop, "server", "service: server", "Disable") +
			send("headless", "", "hosts: [headless.shop.svc.cluster.local], mode: Disable, clients: All"),
		calls: []call{headless(plaintext)},
	}
}

// ownTLS checks that the application's TLS reached the application, where it was reached.
func ownTLS(want []mesh.Outcome) func(mesh.Result) error {
	return func(got mesh.Result) error {
		if want[0] == mesh.TLS && (got.Answer.Report.TLS == nil || got.Answer.Report.TLS.ServerName != serverHost) {
			return fmt.Errorf("the application saw the TLS %+v", got.Answer.Report.TLS)
		}
		return nil
	}
}
