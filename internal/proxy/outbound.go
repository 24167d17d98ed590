package proxy

import (
	"fmt"
	"slices"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// Sent is the TLS that a proxy sends to a destination.
type Sent struct {
	Mode meshtlsv1alpha1.SendMode
	// SNI, SubjectAltNames and Certificate are what a fixed mode sends, verifies and shows.
	SNI             string
	SubjectAltNames []string
	Certificate     string
}

// clusterOf returns the name of the cluster of a destination.
// Source: istio pilot/pkg/model/service.go, BuildSubsetKey.
func clusterOf(port int32, subset, host string) string {
	return fmt.Sprintf("outbound|%d|%s|%s", port, subset, host)
}

// readClusters reads what the proxy sends to each destination.
func (f *Facts) readClusters(all section) {
	for _, c := range all.ActiveClusters {
		f.refuse("cluster", c.Cluster.Name, c.Error)
		f.came(c.Updated)
		f.Outbound[c.Cluster.Name] = sentBy(c)
	}
	for _, c := range all.WarmingClusters {
		f.refuse("cluster", c.Cluster.Name, c.Error)
		f.Warming = append(f.Warming, c.Cluster.Name)
	}
	slices.Sort(f.Warming)
}

// sentBy returns what a cluster sends. Where the TLS depends on the endpoint, Istio decides by what the endpoint takes: that is Auto.
// Source: istio pilot/pkg/networking/core/cluster_tls.go, applyUpstreamTLSSettings.
func sentBy(c dynamicCluster) Sent {
	switch {
	case len(c.Cluster.Matches) > 0:
		return Sent{Mode: meshtlsv1alpha1.SendAuto}
	case c.Cluster.Socket == nil:
		return Sent{Mode: meshtlsv1alpha1.SendDisable}
	}
	tls := c.Cluster.Socket.Config
	sent := Sent{Mode: meshtlsv1alpha1.SendSimple, SNI: tls.SNI}
	if tls.Common.Combined != nil {
		for _, name := range tls.Common.Combined.Default.SANs {
			sent.SubjectAltNames = append(sent.SubjectAltNames, name.Exact)
		}
	}
	switch {
	case tls.certified(workloadSecret):
		sent.Mode = meshtlsv1alpha1.SendIstioMutual
	case len(tls.Common.Certificates) > 0:
		sent.Mode, sent.Certificate = meshtlsv1alpha1.SendMutual, tls.Common.Certificates[0].Name
	}
	return sent
}
