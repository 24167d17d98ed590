package istio

import (
	"fmt"
	"testing"

	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/model"
)

// BenchmarkVerdicts asks how each of 100 client namespaces reaches each of 1,000 Services, in a mesh where every owner and every
// fifth client has rules.
func BenchmarkVerdicts(b *testing.B) {
	const services, namespaces, clients = 1000, 50, 100
	world := World{Mesh: mesh}
	var connections []Connection
	for i := range services {
		namespace, name := fmt.Sprintf("shop-%d", i%namespaces), fmt.Sprintf("service-%d", i)
		own := labels{"app": name, "part-of": "shop"}
		host := model.Host{Name: hosts.Default.OfService(namespace, name), Namespace: namespace, Ports: []int32{80}}
		world.PeerAuthentications = append(world.PeerAuthentications,
			peers(peer(namespace, name, int64(i), strictMode).selecting(own).port(8080, permissiveMode))...)
		world.DestinationRules = append(world.DestinationRules, rules(rule(namespace, name, int64(i), host.Name).tls(clientTLS(tlsIstioMutual)))...)
		server := workload(namespace, model.DataplaneSidecar, own)
		connections = append(connections, Connection{To: Destination{Host: host, Port: 80}, Server: server, Port: 8080})
	}
	for i := range clients {
		if i%5 == 0 {
			namespace := fmt.Sprintf("client-%d", i)
			world.DestinationRules = append(world.DestinationRules, rules(rule(namespace, "all", 1, "*.local").tls(clientTLS(tlsIstioMutual)))...)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		m := New(world)
		for i := range clients {
			client := Client{Namespace: fmt.Sprintf("client-%d", i), Labels: labels{"app": "caller"}, Dataplane: model.DataplaneSidecar}
			for _, c := range connections {
				c.Client = client
				if v := m.Verdict(c); v.Kind != MutualTLS {
					b.Fatalf("%s: %s", v.Kind, v.Why)
				}
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*services*clients), "ns/verdict")
}

// BenchmarkAccept asks for every pod shape of one namespace that has as many PeerAuthentications: the time for each must not grow
// with their number.
func BenchmarkAccept(b *testing.B) {
	for _, size := range []int{100, 1000, 10000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			world := World{Mesh: mesh}
			var workloads []*model.Workload
			for i := range size {
				own := labels{"app": fmt.Sprintf("app-%d", i), "part-of": "shop"}
				world.PeerAuthentications = append(world.PeerAuthentications, peers(peer("shop", own["app"], 1, strictMode).selecting(own))...)
				workloads = append(workloads, workload("shop", model.DataplaneSidecar, own))
			}
			m := New(world)
			for b.Loop() {
				for _, w := range workloads {
					if a := m.Accept(w); a.Workload.Mode != strict {
						b.Fatal(a.Workload)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*size), "ns/workload")
		})
	}
}
