package mesh

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/model"
)

// PodsOfGateways returns the pods with a proxy that Gateways select, each shape once.
func PodsOfGateways(v *View) []*model.Workload {
	seen := map[types.NamespacedName]bool{}
	var selected []*model.Workload
	for _, g := range v.Gateways() {
		for _, w := range v.ProxiesOf(g) {
			if name := (types.NamespacedName{Namespace: w.Namespace, Name: w.Example}); !seen[name] {
				seen[name] = true
				selected = append(selected, w)
			}
		}
	}
	return selected
}

// DroppedServer is a server that Istio leaves out when it merges the Gateways that select a pod.
type DroppedServer struct {
	istio.Dropped
	Pod *model.Workload
}

// DroppedServers returns the servers that Istio leaves out at the pods, each once.
func DroppedServers(v *View, pods []*model.Workload) []DroppedServer {
	type server struct {
		gateway model.ObjectRef
		index   int
	}
	seen := map[server]bool{}
	var all []DroppedServer
	for _, pod := range pods {
		for _, d := range v.Listeners(pod).Dropped {
			dropped := server{gateway: d.Server.Ref(), index: d.Server.Index}
			if !seen[dropped] {
				seen[dropped] = true
				all = append(all, DroppedServer{Dropped: d, Pod: pod})
			}
		}
	}
	return all
}

// ServerOf returns a server in force as it is written.
func ServerOf(s istio.Server) GatewayServer {
	return GatewayServer{Server: s.Spec(), Gateway: s.Gateway, Index: s.Index}
}
