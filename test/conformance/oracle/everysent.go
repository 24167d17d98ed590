package oracle

import "strings"

// EverySent returns what the proxy sends to each port of each host, and of its subsets, by the name of the cluster.
func (p *Proxy) EverySent() map[string]Sent {
	all := map[string]Sent{}
	for _, cluster := range p.given().Clusters {
		if strings.HasPrefix(cluster.GetName(), "outbound|") {
			all[cluster.GetName()] = sentBy(cluster)
		}
	}
	return all
}
