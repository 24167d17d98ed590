package apply

import (
	"testing"

	networkingapi "istio.io/api/networking/v1alpha3"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/internal/model"
)

// writing and deleting are changes of an object.
func writing(obj client.Object) *change { return &change{ref: RefOf(obj.(object)), want: obj.(object)} }

func deleting(obj client.Object) *change {
	return &change{ref: RefOf(obj.(object)), live: obj.(object)}
}

func TestMatters(t *testing.T) {
	const simple = networkingapi.ServerTLSSettings_SIMPLE
	toShop := "a.shop.svc.cluster.local"
	unsaid := pa(unset, ours("a", "q"))
	tests := map[string]struct {
		failed, change *change
		want           bool
	}{
		"of one policy":                            {writing(dr("h", ours("d", "p"))), writing(paFor("b", strict, ours("b", "p"))), true},
		"a deletion where the same pods are":       {writing(pa(strict, ours("a", "p"))), deleting(pa(strict, ours("b", "q"))), true},
		"a deletion where other pods are":          {writing(pa(strict, ours("a", "p"))), deleting(paFor("b", strict, ours("b", "q"))), false},
		"the namespace is not written before":      {writing(pa(strict, ours("a", "p"))), writing(paFor("", disable, ours("n", "q"))), true},
		"what says all itself needs no namespace":  {writing(paFor("", strict, ours("n", "p"))), writing(pa(strict, ours("a", "q"))), false},
		"what begins to follow the namespace does": {writing(paFor("", strict, ours("n", "p"))), &change{ref: RefOf(unsaid), live: pa(strict, ours("a", "q")), want: unsaid}, true},
		"a wildcard waits for the host":            {writing(dr("a.example", ours("d", "p"))), writing(dr("*.example", ours("e", "q"))), true},
		"a host does not wait for the wildcard":    {writing(dr("*.example", ours("d", "p"))), writing(dr("a.example", ours("e", "q"))), false},
		"another host":                             {writing(dr("a.example", ours("d", "p"))), deleting(dr("b.example", ours("e", "q"))), false},
		"the rule of a host and its pods":          {writing(dr(toShop, ours("d", "p"))), writing(pa(strict, ours("a", "q"))), true},
		"the rule of a host and other pods":        {writing(dr(toShop, ours("d", "p"))), writing(paFor("b", strict, ours("a", "q"))), false},
		"the rule of a wildcard and its pods":      {writing(dr("*.cluster.local", ours("d", "p"))), writing(pa(strict, ours("a", "q"))), true},
		"the rule of a host elsewhere":             {writing(dr("a.example", ours("d", "p"))), writing(pa(strict, ours("a", "q"))), false},
		"the pods of a host and its rule":          {writing(pa(strict, ours("a", "p"))), writing(dr(toShop, ours("d", "q"))), true},
		"two Gateways of the same pods":            {writing(gw(simple, ours("g", "p"))), deleting(gw(simple, ours("h", "q"))), true},
		"a Gateway and a rule":                     {writing(gw(simple, ours("g", "p"))), writing(dr("h", ours("d", "q"))), false},
	}
	services := []model.Service{{Namespace: "shop", Name: "a", Selector: map[string]string{"app": "a"}}}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := matters(tc.failed, tc.change, services); got != tc.want {
				t.Errorf("got %t, want %t", got, tc.want)
			}
		})
	}
}

func TestMeet(t *testing.T) {
	tests := map[string]struct {
		a, b map[string]string
		want bool
	}{
		"all pods":         {nil, map[string]string{"app": "a"}, true},
		"the same label":   {map[string]string{"app": "a"}, map[string]string{"app": "a", "tier": "b"}, true},
		"another value":    {map[string]string{"app": "a"}, map[string]string{"app": "b"}, false},
		"other labels":     {map[string]string{"app": "a"}, map[string]string{"tier": "b"}, true},
		"one of two other": {map[string]string{"app": "a", "x": "y"}, map[string]string{"app": "a", "x": "z"}, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := meet(tc.a, tc.b); got != tc.want || meet(tc.b, tc.a) != got {
				t.Errorf("got %t, want %t, both ways", got, tc.want)
			}
		})
	}
}
