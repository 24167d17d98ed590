package translate

import (
	"testing"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/render"
)

// TestGatewaysIstioDropsNothingThatStands holds how servers are settled against Istio's whole merge, for every pair of servers of
// two policies: we may be stricter than Istio, but never more lenient.
func TestGatewaysIstioDropsNothingThatStands(t *testing.T) {
	all := everyServer()
	fallen := 0
	for i, older := range all {
		for j, younger := range all {
			s := edgeWorld(gatewayPolicy("young", 2, younger), gatewayPolicy("old", 1, older))
			plan := planned(s)
			rules, entries := plan.rules, plan.outcomes
			fallen += len(lostFields(entries))
			for _, dropped := range droppedByIstio(s, rules) {
				t.Errorf("servers %d and %d stand, but Istio drops %s of %s: %s\nolder: %+v\nyounger: %+v",
					i, j, dropped.Server.Spec().Port.Name, dropped.Server.Ref(), dropped.Why, older, younger)
			}
		}
	}
	if fallen == 0 || fallen == len(all)*len(all) {
		t.Errorf("%d of %d younger servers fell; the pairs prove nothing", fallen, len(all)*len(all))
	}
}

// droppedByIstio returns what Istio leaves out of the rules once they are rendered, at the first workload. Of Gateways of one age it
// takes the first by name for the older one.
func droppedByIstio(s model.Snapshot, rules []model.GatewayRule) []istio.Dropped {
	objects := render.Objects(model.Plan{Namespace: s.Namespace, Gateways: rules})
	return istio.New(istio.World{Mesh: s.Mesh, Gateways: objects.Gateways}).Listeners(s.Workloads[0]).Dropped
}

// everyServer returns each kind of server at one port, by each spelling of its host, at each bind.
func everyServer() []meshtlsv1alpha1.MeshTLSPolicySpec {
	var all []meshtlsv1alpha1.MeshTLSPolicySpec
	for _, host := range []string{"a.example", "*/a.example", "./a.example", "edge/a.example", "shop/a.example", "b.example"} {
		for _, bind := range []string{"", "0.0.0.0", "::", "10.0.0.1"} {
			at := meshtlsv1alpha1.GatewayServer{Port: 443, Bind: bind, Hosts: []string{host}}
			auto := passingThrough(at)
			auto.Passthrough[0].Routing = meshtlsv1alpha1.RoutingAuto
			all = append(all, terminating(at), passingThrough(at), auto, redirecting(at),
				inPlaintext(meshtlsv1alpha1.PlaintextHTTP, at), inPlaintext(meshtlsv1alpha1.PlaintextGRPC, at),
				inPlaintext(meshtlsv1alpha1.PlaintextTCP, at), inPlaintext(meshtlsv1alpha1.PlaintextMongo, at))
		}
	}
	return all
}
