package importer

import (
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/model"
)

// verbs tell policies apart whose objects have one name.
var verbs = map[string]string{
	model.KindPeerAuthentication: "accept",
	model.KindDestinationRule:    "send",
	model.KindGateway:            "gateway",
}

// nameThem gives each policy the name of its object, or where that is not free the name with what the policy is about.
func (d *draft) nameThem() {
	wanted := map[types.NamespacedName]int{}
	for _, c := range d.candidates {
		wanted[keyOf(c)]++
	}
	taken := sets.New[types.NamespacedName]()
	for _, p := range d.original.policies {
		taken.Insert(types.NamespacedName{Namespace: p.Namespace, Name: p.Name})
	}
	for _, c := range d.candidates {
		name := c.policy.Name
		if wanted[keyOf(c)] > 1 || taken.Has(keyOf(c)) {
			c.policy.Name = name + "-" + verbs[c.kind]
		}
		for n := 2; taken.Has(keyOf(c)); n++ {
			c.policy.Name = fmt.Sprintf("%s-%s-%d", name, verbs[c.kind], n)
		}
		taken.Insert(keyOf(c))
	}
}

func keyOf(c *candidate) types.NamespacedName {
	return types.NamespacedName{Namespace: c.policy.Namespace, Name: c.policy.Name}
}
