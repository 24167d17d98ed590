package oracle

import (
	"strings"

	"istio.io/istio/pilot/test/xdstest"
)

// EverySent returns what the proxy sends to each port of each host, and of its subsets, by the name of the cluster.
func (p *Proxy) EverySent() map[string]Sent {
	if p.clusters == nil {
		p.clusters = xdstest.ExtractClusters(p.mesh.server.Clusters(p.node))
	}
	all := map[string]Sent{}
	for name, cluster := range p.clusters {
		if strings.HasPrefix(name, "outbound|") {
			all[name] = sentBy(cluster)
		}
	}
	return all
}
