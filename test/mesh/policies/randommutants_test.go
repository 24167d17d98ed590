package policies

import (
	"slices"
	"testing"

	securityapi "istio.io/api/security/v1beta1"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/test/agreement"
)

// mutants are ways in which a model of Istio may be wrong.
var mutants = map[string]func(*model.Inventory){
	"a model that reads DISABLE as STRICT, and all else as DISABLE": func(i *model.Inventory) {
		i.PeerAuthentications = turned(i.PeerAuthentications)
	},
	"a model without DestinationRules": func(i *model.Inventory) { i.DestinationRules = []*istionetworkingv1.DestinationRule{} },
}

// turned returns PeerAuthentications with other modes.
func turned(objects []*istiosecurityv1.PeerAuthentication) []*istiosecurityv1.PeerAuthentication {
	other := func(mtls *securityapi.PeerAuthentication_MutualTLS) *securityapi.PeerAuthentication_MutualTLS {
		mode := securityapi.PeerAuthentication_MutualTLS_DISABLE
		if mtls.GetMode() == mode {
			mode = securityapi.PeerAuthentication_MutualTLS_STRICT
		}
		return &securityapi.PeerAuthentication_MutualTLS{Mode: mode}
	}
	all := slices.Clone(objects)
	for i := range all {
		all[i] = all[i].DeepCopy()
		all[i].Spec.Mtls = other(all[i].Spec.Mtls)
		for port, mtls := range all[i].Spec.PortLevelMtls {
			all[i].Spec.PortLevelMtls[port] = other(mtls)
		}
	}
	return all
}

// breakModel compares what packets did with models that are wrong on purpose, and counts which of them they contradict.
func (r *randomWorlds) breakModel(t *testing.T, seen agreement.World, drawn carrying, made []*randomCall) {
	t.Helper()
	for name, mutant := range mutants {
		wrong, err := seen.Changed(mutant)
		if err != nil {
			t.Fatal(err)
		}
		said := map[string][]end{}
		for _, c := range r.callsIn(wrong, drawn) {
			said[c.String()] = c.ends
		}
		if slices.ContainsFunc(made, func(c *randomCall) bool {
			other := randomCall{Call: c.Call, ends: said[c.String()], viaGateway: c.viaGateway, next: c.next}
			return len(other.ends) > 0 && other.differs(c.got[0]) != nil
		}) {
			r.noticed[name]++
		}
	}
}
