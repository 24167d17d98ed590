package analyzers

import (
	"bytes"
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/model"
)

// Who says what the other does not.
const (
	byIstio = "Istio"
	byLint  = "lint"
)

// reason is why one of the two says something that the other does not.
type reason struct {
	topic, by string
	// holds tells the differences that it explains.
	holds func(c comparison, d difference) bool
	why   string
}

// reasons are all that there are.
var reasons = []reason{
	{
		topic: excludeEachOther, by: byIstio, holds: func(c comparison, _ difference) bool { return c.lint.Len() > 0 },
		why: "Istio names all Gateways that claim the host, lint the one whose server is left out, with the name of the other.",
	},
	{
		topic: certificateShared, by: byIstio, holds: func(c comparison, d difference) bool { return c.tells(d.object, "gateway-credential-unusable") },
		why: "The Secret holds no certificate with its key, so there is no connection that could be used for two hosts: lint says that.",
	},
	{
		topic: credentialUseless, by: byLint, holds: func(c comparison, d difference) bool { return c.tells(d.object, "gateway-credential-unusable") },
		why: "Istio looks at the certificate alone, and this one's key is that of another.",
	},
	{
		topic: noSuchGateway, by: byIstio, holds: withoutGateways,
		why: "Lint says that a Gateway is missing where it sees Gateways. A folder without any is not the whole mesh.",
	},
	{
		topic: hostNotServed, by: byIstio, holds: withoutGateways,
		why: "Of a Gateway that is not in the folder lint does not know the hosts.",
	},
	{
		topic: hostNotServed, by: byIstio,
		holds: func(c comparison, d difference) bool { return c.tells(d.object, "virtualservice-gateway-not-found") },
		why:   "Lint says once that there is no such Gateway, and not that it has none of the hosts, too.",
	},
	{
		topic: hostNotServed, by: byIstio, holds: withoutServers,
		why: "No API server admits the Gateway: it has no servers.",
	},
	{
		topic: gatewayWithoutPods, by: byIstio, holds: refusedGateway,
		why: "No API server admits the Gateway: a server has no port. Lint refuses the document.",
	},
	{
		topic: subsetWithoutPods, by: byIstio, holds: func(c comparison, _ difference) bool { return bytes.Contains(c.manifest, []byte("kind: Node\n")) },
		why: "The subset is selected by a label that Istio takes from the pods' nodes, which lint does not read.",
	},
	{
		topic: subsetWithoutPods, by: byIstio, holds: func(c comparison, _ difference) bool { return len(c.mesh.Workloads) == 0 },
		why: "The Service has no selector, and the folder no pods: lint does not know what is behind it.",
	},
}

func withoutGateways(c comparison, _ difference) bool { return len(c.mesh.Gateways) == 0 }

func withoutServers(c comparison, _ difference) bool {
	return slices.ContainsFunc(c.mesh.Gateways, func(g *istionetworkingv1.Gateway) bool { return len(g.Spec.Servers) == 0 })
}

// refusedGateway reports whether the Gateway was not admitted when it was read.
func refusedGateway(c comparison, d difference) bool {
	return !slices.ContainsFunc(c.mesh.Gateways, func(g *istionetworkingv1.Gateway) bool {
		return model.RefOf(model.KindGateway, g).String() == d.object
	})
}

// reason is why there is the difference; empty: there is no known one.
func (c comparison) reason(d difference) string {
	for _, r := range reasons {
		if r.topic == d.topic && r.by == d.by && r.holds(c, d) {
			return r.why
		}
	}
	return ""
}
