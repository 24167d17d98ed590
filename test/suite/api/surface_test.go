package api_test

import (
	"context"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

var _ = Describe("the kind", func() {
	It("has the short name mtp and the category meshtls", func() {
		finder, err := discovery.NewDiscoveryClientForConfig(plane.Config)
		Expect(err).NotTo(HaveOccurred())
		resources, err := finder.ServerResourcesForGroupVersion(meshtlsv1alpha1.GroupVersion.String())
		Expect(err).NotTo(HaveOccurred())
		Expect(resources.APIResources).To(ContainElement(And(
			HaveField("Name", "meshtlspolicies"),
			HaveField("Kind", "MeshTLSPolicy"),
			HaveField("Namespaced", true),
			HaveField("ShortNames", ConsistOf("mtp")),
			HaveField("Categories", ConsistOf("meshtls")),
		)))
		Expect(resources.APIResources).To(ContainElement(HaveField("Name", "meshtlspolicies/status")))
	})

	It("prints what the policy asks for and whether it is so", func(ctx context.Context) {
		object := policy("printed", `{workload: {service: a}, accept: {mode: Strict}}`)
		Expect(cluster.Create(ctx, object)).To(Succeed())
		DeferCleanup(func(ctx context.Context) { Expect(cluster.Delete(ctx, object)).To(Succeed()) })
		object.Object["status"] = statusToPrint()
		Expect(cluster.Status().Update(ctx, object)).To(Succeed())

		table := tableOf(ctx)
		Expect(columns(table, 0)).To(Equal([]string{"Name", "Target", "Accepts", "Serves", "Rollout", "Ready", "Reason", "Findings", "Age"}))
		Expect(columns(table, 1)).To(Equal([]string{"Sends", "Objects", "Message"}))
		Expect(table.Rows).To(HaveLen(1))
		age := slices.IndexFunc(table.ColumnDefinitions, func(c metav1.TableColumnDefinition) bool { return c.Name == "Age" })
		Expect(slices.Delete(table.Rows[0].Cells, age, age+1)).To(Equal([]any{
			"printed", "service a", "Strict", "80 redirect", "Blocked: 1 client", "False", "Conflicted", "1 error", "b Auto", "PeerAuthentication one", "An older policy decides.",
		}))
	})
})

func statusToPrint() map[string]any {
	return map[string]any{
		"target": "service a", "accepts": "Strict", "sends": "b Auto", "serves": "80 redirect", "findingsSummary": "1 error", "renders": "PeerAuthentication one",
		"rollout": map[string]any{"phase": "Blocked", "mode": "Permissive", "summary": "Blocked: 1 client"},
		"objects": []any{map[string]any{"kind": "PeerAuthentication", "name": "one"}},
		"conditions": []any{map[string]any{
			"type": "Ready", "status": "False", "reason": "Conflicted", "message": "An older policy decides.",
			"lastTransitionTime": "2026-01-01T00:00:00Z",
		}},
	}
}

// tableOf asks for the policies as kubectl get does.
func tableOf(ctx context.Context) metav1.Table {
	GinkgoHelper()
	config := rest.CopyConfig(plane.Config)
	config.GroupVersion, config.APIPath = &meshtlsv1alpha1.GroupVersion, "/apis"
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	reader, err := rest.RESTClientFor(config)
	Expect(err).NotTo(HaveOccurred())
	var table metav1.Table
	Expect(reader.Get().Namespace(metav1.NamespaceDefault).Resource("meshtlspolicies").
		SetHeader("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io").Do(ctx).Into(&table)).To(Succeed())
	return table
}

// columns returns the names of the columns of a priority: 0 is shown always, 1 with -o wide.
func columns(table metav1.Table, priority int32) []string {
	var names []string
	for _, column := range table.ColumnDefinitions {
		if column.Priority == priority {
			names = append(names, column.Name)
		}
	}
	return names
}

var _ = Describe("defaults", func() {
	DescribeTable("are what the documentation says",
		func(ctx context.Context, spec string, want any, path ...string) {
			object, err := submit(ctx, spec)
			Expect(err).NotTo(HaveOccurred())
			got, found, err := unstructured.NestedFieldNoCopy(first(object, path[0]), path[1:]...)
			Expect(err).NotTo(HaveOccurred())
			Expect(found).To(BeTrue())
			Expect(got).To(Equal(want))
		},
		Entry("accept inherits", `{accept: {floor: Strict}}`, "Inherit", "accept", "mode"),
		Entry("a rollout observes for a day", rolling(``), "24h", "accept", "rollout", "observe"),
		Entry("a rollout goes by evidence", rolling(``), "Evidence", "accept", "rollout", "gate"),
		Entry("a rollout watches for half an hour", rolling(``), "30m", "accept", "rollout", "probation"),
		Entry("a rollout makes all Strict together", rolling(``), "Together", "accept", "rollout", "order"),
		Entry("a rollout holds", rolling(``), "Hold", "accept", "rollout", "onRefusal"),
		Entry("terminate carries HTTP", terminating(`credentialName: a`), "HTTPS", "terminate", "protocol"),
		Entry("terminate asks for no client certificate", terminating(`credentialName: a`), "Simple", "terminate", "mode"),
		Entry("passthrough declares TLS", serving("passthrough", `port: 443, hosts: [a.example]`), "TLS", "passthrough", "protocol"),
		Entry("passthrough routes by SNI", serving("passthrough", `port: 443, hosts: [a.example]`), "SNI", "passthrough", "routing"),
		Entry("plaintext is HTTP", serving("plaintext", `port: 80, hosts: [a.example]`), "HTTP", "plaintext", "protocol"),
	)

	It("leave the mode of send alone, since none says something else than any", func(ctx context.Context) {
		object, err := submit(ctx, `{send: [{hosts: [a], ports: [{port: 80, mode: Auto}]}]}`)
		Expect(err).NotTo(HaveOccurred())
		Expect(first(object, "send")).NotTo(Or(HaveKey("mode"), HaveKey("clients")))
	})
})

// first returns a verb's value, or the first of its entries.
func first(object *unstructured.Unstructured, verb string) map[string]any {
	GinkgoHelper()
	value, found, err := unstructured.NestedFieldNoCopy(object.Object, "spec", verb)
	Expect(err).NotTo(HaveOccurred())
	Expect(found).To(BeTrue())
	if list, isList := value.([]any); isList {
		value = list[0]
	}
	return value.(map[string]any)
}

var _ = Describe("the schema", func() {
	DescribeTable("refuses",
		func(ctx context.Context, spec, want string) {
			_, err := submit(ctx, spec)
			Expect(err).To(MatchError(ContainSubstring(want)))
		},
		Entry("an unknown field", `{accept: {mode: Strict, modes: Strict}}`, `unknown field "spec.accept.modes"`),
		Entry("an unknown mode", `{accept: {mode: STRICT}}`, `spec.accept.mode: Unsupported value: "STRICT": supported values: "Strict", "Permissive", "Disable", "Inherit"`),
		Entry("a floor that is none", `{accept: {floor: Disable}}`, `spec.accept.floor: Unsupported value: "Disable"`),
		Entry("an exception until a day that is none", excepting(`floor: Strict, `, `policy: a, until: "2027-02-29", reason: why`), `spec.accept.floorExceptions[0].until: Invalid value: "2027-02-29"`),
		Entry("an exception without an end", excepting(`floor: Strict, `, `policy: a, reason: why`), `spec.accept.floorExceptions[0].until: Required value`),
		Entry("an exception without a reason", excepting(`floor: Strict, `, `policy: a, until: "2027-03-01"`), `spec.accept.floorExceptions[0].reason: Required value`),
		Entry("an exception for a port twice", excepting(`floor: Strict, `, `policy: a, until: "2027-03-01", reason: why, ports: [80, 80]`), `spec.accept.floorExceptions[0].ports[1]: Duplicate value`),
		Entry("a time that is none", rolling(`observe: 7d`), `spec.accept.rollout.observe: Invalid value: "7d"`),
		Entry("a client ignored without a reason", rolling(`ignore: [{namespace: a, workload: b}]`), `spec.accept.rollout.ignore[0].reason: Required value`),
		Entry("a client expected twice", rolling(`expectClients: [{namespace: a, workload: b}, {namespace: a, workload: b}]`), `spec.accept.rollout.expectClients[1]: Duplicate value`),
		Entry("a port above 65535", onPorts(`{port: 65536, mode: Strict}`), `spec.accept.ports[0].port: Invalid value: 65536: spec.accept.ports[0].port in body should be less than or equal to 65535`),
		Entry("a port number in quotes", onPorts(`{servicePort: "8080", mode: Strict}`), `spec.accept.ports[0].servicePort: Invalid value: "8080"`),
		Entry("a selector without labels", `{workload: {selector: {matchLabels: {}}}, accept: {mode: Strict}}`, `spec.workload.selector.matchLabels in body should have at least 1 properties`),
		Entry("a label's value that is too long", onTarget("workload", `selector: {matchLabels: {app: `+strings.Repeat("a", 64)+`}}`), `spec.workload.selector.matchLabels.app: Too long`),
		Entry("a host twice in an entry", toHosts("a.b", "a.b"), `spec.send[0].hosts[1]: Duplicate value: "a.b"`),
		Entry("no hosts", toHosts(), `is invalid: spec.send[0].hosts: Invalid value: 0: spec.send[0].hosts in body should have at least 1 items`),
		Entry("a port of a destination twice", `{send: [{hosts: [a], ports: [{port: 80, mode: Auto}, {port: 80, mode: Disable}]}]}`, `spec.send[0].ports[1]: Duplicate value`),
		Entry("an unknown suite", terminating(`credentialName: a, cipherSuites: [TLS_AES_128_GCM_SHA256]`), `spec.terminate[0].cipherSuites[0]: Unsupported value: "TLS_AES_128_GCM_SHA256"`),
		Entry("a suite twice", terminating(`credentialName: a, cipherSuites: [AES128-SHA, AES128-SHA]`), `spec.terminate[0].cipherSuites[1]: Duplicate value: "AES128-SHA"`),
		Entry("a protocol that is none without TLS", serving("plaintext", `port: 80, hosts: [a.example], protocol: HTTPS`), `spec.plaintext[0].protocol: Unsupported value: "HTTPS"`),
		Entry("an empty list of ports", `{workload: {service: a}, accept: {mode: Strict, ports: []}}`, `spec.accept.ports in body should have at least 1 items`),
	)

	It("lets in a policy that uses the lists to their limits", func(ctx context.Context) {
		_, err := submit(ctx, largest())
		Expect(err).NotTo(HaveOccurred())
	})
})

// largest returns the spec of a gateway with as many servers and hosts as the API allows, so that the rules cost what they can cost.
func largest() string {
	lists := []string{"send: [" + strings.Join(sendEntries(32, 16), ", ") + "]"}
	for port, verb := range map[string]string{"8443": "terminate", "9443": "passthrough", "8080": "plaintext"} {
		var servers []string
		for _, group := range hostNames(64, 8) {
			server := `port: ` + port + `, hosts: [` + strings.ReplaceAll(group, ".example", longDomain) + `]`
			if verb == "terminate" {
				server += `, credentialName: a`
			}
			servers = append(servers, `{`+server+`}`)
		}
		lists = append(lists, verb+`: [`+strings.Join(servers, ", ")+`]`)
	}
	return onGateway(strings.Join(lists, ", "))
}

// longDomain makes a host nearly as long as the API allows.
var longDomain = strings.Repeat("."+strings.Repeat("a", 59), 4)
