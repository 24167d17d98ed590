package gather_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/model"
)

// sendsTo returns a document with a policy of namespace shop that sends to the host.
func sendsTo(host string) string {
	return "\n---\n{apiVersion: security.meshtls.dev/v1alpha1, kind: MeshTLSPolicy, metadata: {name: a, namespace: shop}, " +
		"spec: {send: [{hosts: ['" + host + "'], mode: Simple}]}}"
}

// service returns a document with a Service that has port 80.
func service(namespace, name, metadata string) string {
	return "\n---\n{apiVersion: v1, kind: Service, metadata: {name: " + name + ", namespace: " + namespace + metadata + "}, spec: {ports: [{port: 80}]}}"
}

// serviceEntry returns a document with a ServiceEntry that has port 443.
func serviceEntry(namespace, host, spec string) string {
	name := strings.NewReplacer("*", "any").Replace(host)
	return "\n---\n{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: " + name + ", namespace: " + namespace + "}, " +
		"spec: {hosts: ['" + host + "'], ports: [{number: 443, name: tls, protocol: TLS}]" + spec + "}}"
}

func serviceHost(namespace, name string) model.Host {
	return model.Host{Name: name + "." + namespace + ".svc.cluster.local", Namespace: namespace, Ports: []int32{80}}
}

func entryHost(namespace, name string) model.Host {
	return model.Host{Name: name, Namespace: namespace, External: true, Ports: []int32{443}}
}

func TestSnapshotHostsOfServices(t *testing.T) {
	all := service("shop", "payments", "") + service("shop", "catalog", "") + service("bank", "payments", "")
	tests := map[string]struct {
		world string
		want  []model.Host
	}{
		"a short name":               {world: all + sendsTo("payments"), want: []model.Host{serviceHost("shop", "payments")}},
		"a qualified name":           {world: all + sendsTo("payments.bank.svc.cluster.local"), want: []model.Host{serviceHost("bank", "payments")}},
		"a name that is not there":   {world: all + sendsTo("absent")},
		"half a name is none":        {world: all + sendsTo("payments.bank")},
		"a wildcard for a namespace": {world: all + sendsTo("*.shop.svc.cluster.local"), want: []model.Host{serviceHost("shop", "catalog"), serviceHost("shop", "payments")}},
		"a wildcard for the cluster": {
			world: all + sendsTo("*.local"),
			want:  []model.Host{serviceHost("shop", "catalog"), serviceHost("bank", "payments"), serviceHost("shop", "payments")},
		},
		"a wildcard for something else": {world: all + sendsTo("*.example")},
		"a policy without sends":        {world: all + "\n---\n" + policyA},
		"a Service of TCP and UDP has TCP ports, in order": {
			world: "{apiVersion: v1, kind: Service, metadata: {name: a, namespace: shop}, spec: {ports: " +
				"[{port: 90}, {port: 53, protocol: UDP}, {port: 80}]}}" + sendsTo("a"),
			want: []model.Host{{Name: "a.shop.svc.cluster.local", Namespace: "shop", Ports: []int32{80, 90}}},
		},
		"a Service that is another's name is no destination": {
			world: "{apiVersion: v1, kind: Service, metadata: {name: a, namespace: shop}, spec: {type: ExternalName, externalName: b.example}}" + sendsTo("a"),
		},
		"a Service that is exported to nobody else": {
			world: service("bank", "payments", `, annotations: {networking.istio.io/exportTo: "."}`) + sendsTo("payments.bank.svc.cluster.local"),
		},
		"a Service that is exported to us among others": {
			world: service("bank", "payments", `, annotations: {networking.istio.io/exportTo: "other, shop"}`) + sendsTo("payments.bank.svc.cluster.local"),
			want:  []model.Host{serviceHost("bank", "payments")},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, hostsOf(snapshot(t, tc.world)), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("hosts (-want +got):\n%s", diff)
			}
		})
	}
}

// hostsOf returns the hosts that the namespace sees, as far as its policies send to them.
func hostsOf(s model.Snapshot) []model.Host {
	return slices.DeleteFunc(destinations.NewIndex(s.Inventory).SeenBy(s.Namespace), func(h model.Host) bool {
		return !slices.ContainsFunc(s.Policies, func(p *meshtlsv1alpha1.MeshTLSPolicy) bool {
			return slices.ContainsFunc(p.Spec.Send, func(send meshtlsv1alpha1.Send) bool {
				return slices.ContainsFunc(send.Hosts, func(sent string) bool { return hosts.Overlap(hosts.Default.Qualify(sent, p.Namespace), h.Name) })
			})
		})
	})
}

func TestSnapshotHostsOfServiceEntries(t *testing.T) {
	const api, below, world = "api.partner.example", "*.partner.example", "*.example"
	tests := map[string]struct {
		world string
		want  []model.Host
	}{
		"in the namespace":      {world: serviceEntry("shop", api, "") + sendsTo(api), want: []model.Host{entryHost("shop", api)}},
		"in another namespace":  {world: serviceEntry("bank", api, "") + sendsTo(api), want: []model.Host{entryHost("bank", api)}},
		"in several namespaces": {world: serviceEntry("shop", api, "") + serviceEntry("bank", api, "") + sendsTo(api), want: []model.Host{entryHost("shop", api), entryHost("bank", api)}},
		"a wildcard that covers the host": {
			world: serviceEntry("shop", below, "") + serviceEntry("bank", world, "") + serviceEntry("bank", "*.other", "") + sendsTo(api),
			want:  []model.Host{entryHost("bank", world), entryHost("shop", below)},
		},
		"hosts that the wildcard covers": {
			world: serviceEntry("shop", api, "") + serviceEntry("bank", below, "") + serviceEntry("bank", "api.other", "") + sendsTo(world),
			want:  []model.Host{entryHost("bank", below), entryHost("shop", api)},
		},
		"the wildcard itself":                   {world: serviceEntry("shop", below, "") + sendsTo(below), want: []model.Host{entryHost("shop", below)}},
		"the domain is not below its wildcard":  {world: serviceEntry("shop", "partner.example", "") + sendsTo(below)},
		"of a Service's name":                   {world: service("shop", "a", "") + serviceEntry("bank", "a.shop.svc.cluster.local", "") + sendsTo("a"), want: []model.Host{serviceHost("shop", "a"), entryHost("bank", "a.shop.svc.cluster.local")}},
		"inside the mesh":                       {world: serviceEntry("shop", api, ", location: MESH_INTERNAL") + sendsTo(api), want: []model.Host{{Name: api, Namespace: "shop", Ports: []int32{443}}}},
		"only the host that is sent to":         {world: strings.Replace(serviceEntry("shop", api, ""), "hosts: [", "hosts: [other.example, ", 1) + sendsTo(api), want: []model.Host{entryHost("shop", api)}},
		"exported to everybody":                 {world: serviceEntry("bank", api, `, exportTo: ["*"]`) + sendsTo(api), want: []model.Host{entryHost("bank", api)}},
		"exported to us":                        {world: serviceEntry("bank", api, `, exportTo: [other, shop]`) + sendsTo(api), want: []model.Host{entryHost("bank", api)}},
		"exported to others":                    {world: serviceEntry("bank", api, `, exportTo: [other]`) + sendsTo(api)},
		"exported to its own namespace":         {world: serviceEntry("bank", api, `, exportTo: ["."]`) + sendsTo(api)},
		"exported to its own namespace, ours":   {world: serviceEntry("shop", api, `, exportTo: ["."]`) + sendsTo(api), want: []model.Host{entryHost("shop", api)}},
		"exported to nobody":                    {world: serviceEntry("shop", api, `, exportTo: ["~"]`) + sendsTo(api)},
		"by default exported to its namespace":  {world: exportDefault + serviceEntry("bank", api, "") + sendsTo(api)},
		"exported to everybody all the same":    {world: exportDefault + serviceEntry("bank", api, `, exportTo: ["*"]`) + sendsTo(api), want: []model.Host{entryHost("bank", api)}},
		"two entries for a host are one to us":  {world: serviceEntry("shop", api, "") + twin(serviceEntry("shop", api, "")) + sendsTo(api), want: []model.Host{{Name: api, Namespace: "shop", External: true, Ports: []int32{443, 8443}}}},
		"of somebody who sends to another host": {world: serviceEntry("shop", api, "") + sendsTo("api.other.example")},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, hostsOf(snapshot(t, tc.world)), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("hosts (-want +got):\n%s", diff)
			}
		})
	}
}

const exportDefault = `{apiVersion: v1, kind: ConfigMap, metadata: {name: istio, namespace: istio-system}, data: {mesh: 'defaultServiceExportTo: ["."]'}}`

// twin returns the same ServiceEntry under another name, with another port.
func twin(entry string) string {
	return strings.NewReplacer("name: api", "name: twin-api", "443", "8443").Replace(entry)
}
