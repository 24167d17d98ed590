package api_test

import (
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
)

var _ = Describe("send", func() { describe(sendRules) })

var sendRules = slices.Concat(
	hostRules,
	clientTLSRules("an entry", "spec.send[0]", func(tls string) string {
		return `{workload: {service: a}, send: [{hosts: [b.example], ` + tls + `}]}`
	}),
	clientTLSRules("a port", "spec.send[0].ports[0]", func(tls string) string {
		return `{workload: {service: a}, send: [{hosts: [b.example], ports: [{port: 443, ` + tls + `}]}]}`
	}),
)

var hostRules = []rule{
	{
		name:    "an entry without mode and ports",
		field:   "spec.send[0].mode",
		message: "say what is sent to the hosts: set mode, or ports with their modes",
		accepts: `{send: [{hosts: [a], ports: [{port: 80, mode: Auto}]}]}`,
		refuses: `{send: [{hosts: [a]}]}`,
	},
	{
		name:    "a port without mode",
		field:   "spec.send[0].ports[0].mode",
		message: "say what is sent to the port: set mode",
		accepts: `{send: [{hosts: [a], mode: Disable, ports: [{port: 80, mode: Auto}]}]}`,
		refuses: `{send: [{hosts: [a], mode: Disable, ports: [{port: 80}]}]}`,
	},
	{
		name:    "a host with a scheme",
		field:   "spec.send[0].hosts[1]",
		message: hostMessage,
		accepts: toHosts(`payments`, `payments.shop.svc.cluster.local`, `"*.example.com"`, `"*"`, `1-2.3-4`, `xn--bcher-kva.example`),
		refuses: toHosts(`a.example`, `"https://b.example"`),
	},
	{name: "a host with a port", field: "spec.send[0].hosts[0]", message: hostMessage, accepts: toHosts(`a.b`), refuses: toHosts(`"a.b:443"`)},
	{name: "a host with a trailing dot", field: "spec.send[0].hosts[0]", message: hostMessage, accepts: toHosts(`a.b`), refuses: toHosts(`a.b.`)},
	{name: "a host in capitals", field: "spec.send[0].hosts[0]", message: hostMessage, accepts: toHosts(`a.b`), refuses: toHosts(`A.b`)},
	{name: "a wildcard that is a part of a label", field: "spec.send[0].hosts[0]", message: hostMessage, accepts: toHosts(`"*.b"`), refuses: toHosts(`"*a.b"`)},
	{name: "a wildcard that is not left-most", field: "spec.send[0].hosts[0]", message: hostMessage, accepts: toHosts(`"*.b.c"`), refuses: toHosts(`"a.*.c"`)},
	{
		name: "a host with a label of 64 characters", field: "spec.send[0].hosts[0]", message: hostMessage,
		accepts: toHosts(strings.Repeat("a", 63) + ".b"), refuses: toHosts(strings.Repeat("a", 64) + ".b"),
	},
	{
		name:    "an IP address as a host",
		field:   "spec.send[0].hosts[0]",
		message: "a host is a name, not an IP address: name the Service or ServiceEntry that stands for the address",
		accepts: toHosts(`10.example`),
		refuses: toHosts(`10.0.0.1`),
	},
	{
		name:    "a host in two entries",
		field:   "spec.send",
		message: "two entries of send name one host: keep it in one entry, with its ports beside its mode",
		accepts: `{send: [{hosts: [a, b], mode: Auto}, {hosts: [c], mode: Disable}, {hosts: [a], mode: Disable, clients: All}]}`,
		refuses: `{send: [{hosts: [a, b], mode: Auto}, {hosts: [c], mode: Disable}, {hosts: [b], mode: Disable, clients: Namespace}]}`,
	},
	{
		name:    "more than 512 hosts",
		field:   "spec.send",
		message: "send names more than 512 hosts: split the policy",
		accepts: `{send: [` + strings.Join(sendEntries(8, 64), ", ") + `]}`,
		refuses: `{send: [` + strings.Join(sendEntries(9, 64), ", ") + `]}`,
	},
}

const hostMessage = "a host is a DNS name in lower case, a Service's name, a wildcard as in *.example.com, or *: without scheme, port, path or trailing dot"

func toHosts(hosts ...string) string {
	return `{send: [{hosts: [` + strings.Join(hosts, ", ") + `], mode: Disable}]}`
}

// sendEntries are entries of send, each with so many hosts of its own.
func sendEntries(entries, hosts int) []string {
	names := hostNames(entries, hosts)
	list := make([]string, 0, entries)
	for _, group := range names {
		list = append(list, `{hosts: [`+group+`], mode: Disable}`)
	}
	return list
}

// clientTLSRules returns the rules of a client's TLS settings at a place that has them: on writes a spec with the settings there.
func clientTLSRules(place, field string, on func(tls string) string) []rule {
	return []rule{
		{
			name:    place + " with TLS fields beside Disable",
			field:   field,
			message: "TLS fields need mode Simple, Mutual or IstioMutual: set one of these modes, or remove the fields beside mode",
			accepts: on(`mode: Auto, insecureSkipVerify: false`),
			refuses: on(`mode: Disable, sni: b.example`),
		},
		{
			name:    place + " with TLS fields beside Auto",
			field:   field,
			message: "TLS fields need mode Simple, Mutual or IstioMutual: set one of these modes, or remove the fields beside mode",
			accepts: on(`mode: Simple, insecureSkipVerify: true`),
			refuses: on(`mode: Auto, insecureSkipVerify: true`),
		},
		{
			name:    place + " with a client certificate beside Simple",
			field:   field,
			message: "mode Simple sends no client certificate: remove clientCertificate and privateKey, or set mode Mutual",
			accepts: on(`mode: Simple, caCertificates: /ca.pem, caCrl: /crl.pem, sni: b.example, subjectAltNames: [b.example]`),
			refuses: on(`mode: Simple, clientCertificate: /cert.pem, privateKey: /key.pem`),
		},
		{
			name:    place + " with Mutual but no client certificate",
			field:   field,
			message: "mode Mutual needs a client certificate: set credentialName, or clientCertificate and privateKey",
			accepts: on(`mode: Mutual, clientCertificate: /cert.pem, privateKey: /key.pem, caCertificates: /ca.pem`),
			refuses: on(`mode: Mutual, caCertificates: /ca.pem`),
		},
		{
			name:    place + " with Mutual but no private key",
			field:   field,
			message: "mode Mutual needs a client certificate: set credentialName, or clientCertificate and privateKey",
			accepts: on(`mode: Mutual, credentialName: b`),
			refuses: on(`mode: Mutual, clientCertificate: /cert.pem`),
		},
		{
			name:    place + " with IstioMutual and a CA",
			field:   field,
			message: "mode IstioMutual uses the certificates that Istio issues: beside it only subjectAltNames and sni may be set; for certificates of your own set mode Simple or Mutual",
			accepts: on(`mode: IstioMutual, sni: b.example, subjectAltNames: ["spiffe://cluster.local/ns/b/sa/b"]`),
			refuses: on(`mode: IstioMutual, caCertificates: /ca.pem`),
		},
		{
			name:    place + " with credentialName and a path",
			field:   field + ".credentialName",
			message: "credentialName is exclusive with clientCertificate, privateKey, caCertificates and caCrl: the Secret holds them all",
			accepts: on(`mode: Mutual, credentialName: b, sni: b.example`),
			refuses: on(`mode: Mutual, credentialName: b, caCertificates: /ca.pem`),
		},
		{
			name:    place + " with a ConfigMap beside Mutual",
			field:   field + ".credentialName",
			message: "a ConfigMap holds a CA but no client certificate: use configmap:// with mode Simple, or name a Secret",
			accepts: on(`mode: Simple, credentialName: "configmap://default/ca"`),
			refuses: on(`mode: Mutual, credentialName: "configmap://default/ca"`),
		},
		{
			name:    place + " with a credentialName that is no name",
			field:   field + ".credentialName",
			message: "credentialName is the plain name of a Secret, or configmap://namespace/name",
			accepts: on(`mode: Simple, credentialName: b.example`),
			refuses: on(`mode: Simple, credentialName: "kubernetes://default/b"`),
		},
		{
			name:    place + " with a ConfigMap without a namespace",
			field:   field + ".credentialName",
			message: "credentialName is the plain name of a Secret, or configmap://namespace/name",
			accepts: on(`mode: Simple, credentialName: "configmap://default/ca.pem"`),
			refuses: on(`mode: Simple, credentialName: "configmap://ca"`),
		},
		{
			name:    place + " with an sni that is no name",
			field:   field + ".sni",
			message: "sni is one DNS name, without scheme, port, wildcard or trailing dot",
			accepts: on(`mode: IstioMutual, sni: outbound_.443_._.b.example`),
			refuses: on(`mode: IstioMutual, sni: "*.example"`),
		},
		{
			name:    place + " with insecureSkipVerify and a CA",
			field:   field + ".insecureSkipVerify",
			message: "insecureSkipVerify leaves the server unverified: remove caCertificates, caCrl and subjectAltNames, or better insecureSkipVerify",
			accepts: on(`mode: Mutual, credentialName: b, insecureSkipVerify: true`),
			refuses: on(`mode: Mutual, clientCertificate: /cert.pem, privateKey: /key.pem, caCertificates: /ca.pem, insecureSkipVerify: true`),
		},
		{
			name:    place + " with insecureSkipVerify and a credential that only verifies",
			field:   field + ".insecureSkipVerify",
			message: "with mode Simple credentialName only verifies the server, which insecureSkipVerify leaves out: remove one of the two",
			accepts: on(`mode: Simple, credentialName: b, insecureSkipVerify: false`),
			refuses: on(`mode: Simple, credentialName: b, insecureSkipVerify: true`),
		},
	}
}
