package istio

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	networkingapi "istio.io/api/networking/v1alpha3"
	securityapi "istio.io/api/security/v1beta1"

	"github.com/meshtls/meshtls/internal/model"
)

// FuzzInputOrder makes a world of a seed, with objects that no API server would take, and asks in two orders of the input.
func FuzzInputOrder(f *testing.F) {
	for seed := range uint64(100) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 0))
		w := randomWorld(r)
		want := answers(w)
		shuffle(r, w.PeerAuthentications)
		shuffle(r, w.DestinationRules)
		shuffle(r, w.Gateways)
		if diff := cmp.Diff(want, answers(w), protocmp.Transform()); diff != "" {
			t.Errorf("in another order (-want +got):\n%s", diff)
		}
	})
}

func shuffle[T any](r *rand.Rand, objects []T) {
	r.Shuffle(len(objects), func(i, j int) { objects[i], objects[j] = objects[j], objects[i] })
}

func randomWorld(r *rand.Rand) World {
	w := World{Mesh: model.Mesh{RootNamespace: rootNamespace, AutoMTLS: r.IntN(5) > 0}}
	one := func(choices ...string) string { return choices[r.IntN(len(choices))] }
	namespace := func() string { return one("shop", "client", rootNamespace, "edge") }
	for i := range r.IntN(6) {
		pa := peer(namespace(), fmt.Sprint("pa", i), int64(r.IntN(3)), securityapi.PeerAuthentication_MutualTLS_Mode(r.IntN(4)))
		if r.IntN(2) == 0 {
			pa.selecting(labels{"app": one("web", "else")}).port(8080, securityapi.PeerAuthentication_MutualTLS_Mode(r.IntN(4)))
			pa.Spec.PortLevelMtls[9090] = nil
		}
		w.PeerAuthentications = append(w.PeerAuthentications, pa.PeerAuthentication)
	}
	for i := range r.IntN(6) {
		dr := rule(namespace(), fmt.Sprint("dr", i), int64(r.IntN(3)), one(paymentsHost, "payments", "*", "*.local", "*nts.shop.svc.cluster.local", ""))
		dr.tls(clientTLS(networkingapi.ClientTLSSettings_TLSmode(r.IntN(4)))).exportTo(one(".", "*", "client", "~"))
		dr.policy().PortLevelSettings = append(dr.policy().PortLevelSettings, nil, portSettings(80, nil), &networkingapi.TrafficPolicy_PortTrafficPolicy{})
		dr.Spec.Subsets = append(dr.Spec.Subsets, nil)
		if r.IntN(3) == 0 {
			dr.selecting(labels{"app": one("caller", "else")})
		}
		w.DestinationRules = append(w.DestinationRules, dr.DestinationRule)
	}
	for i := range r.IntN(5) {
		g := gateway(fmt.Sprint("gw", i), int64(r.IntN(3)), server(uint32(80+r.IntN(2)), one("HTTP", "HTTPS", "TLS", "TCP", "", "?"), one("*/*", "./a", "a", "/", "")))
		g.Spec.Servers = append(g.Spec.Servers, nil, &networkingapi.Server{})
		w.Gateways = append(w.Gateways, g)
	}
	return w
}
