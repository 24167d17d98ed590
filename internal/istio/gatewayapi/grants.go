package gatewayapi

import (
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/meshtls/meshtls/internal/model"
)

// grant is one thing that a ReferenceGrant allows: Gateways of a namespace to use objects of a kind in another. An empty name stands for
// all.
type grant struct{ from, kind, namespace, name string }

type grants struct {
	given map[grant]bool
	// partial says that grants may exist that are not known: then a reference is taken to be granted.
	partial bool
}

// grantsOf returns what the ReferenceGrants of the inventory allow Gateways.
// Source: istio pilot/pkg/config/kube/gatewaycommon/references.go, ReferenceGrantsCollection.
func grantsOf(i model.Inventory) grants {
	all := grants{given: map[grant]bool{}, partial: i.Partial}
	for _, object := range i.ReferenceGrants {
		for _, from := range object.Spec.From {
			if from.Group != gatewayv1.GroupName || from.Kind != "Gateway" {
				continue
			}
			for _, to := range object.Spec.To {
				g := grant{from: string(from.Namespace), kind: string(to.Kind), namespace: object.Namespace}
				if to.Group != "" {
					continue
				}
				if to.Name != nil {
					g.name = string(*to.Name)
				}
				all.given[g] = true
			}
		}
	}
	return all
}

// allow reports whether a Gateway of a namespace may use the object.
// Source: istio pilot/pkg/config/kube/gatewaycommon/references.go, SecretAllowed.
func (g grants) allow(from string, to model.ObjectRef) bool {
	every := grant{from: from, kind: to.Kind, namespace: to.Namespace}
	one := every
	one.name = to.Name
	return g.partial || from == to.Namespace || g.given[every] || g.given[one]
}
