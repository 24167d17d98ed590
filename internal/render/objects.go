package render

import (
	"cmp"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshtls/meshtls/internal/model"
)

// Objects writes the plan down as Istio objects, each list ordered by name.
func Objects(p model.Plan) model.Objects {
	at := place{namespace: p.Namespace, everything: hintNamespace}
	if p.MeshWide {
		at.everything = hintMesh
	}
	return model.Objects{
		PeerAuthentications: each(at, p.Accepts, peerAuthentication),
		DestinationRules:    each(at, p.Sends, destinationRule),
		Gateways:            each(at, p.Gateways, gateway),

		AuthorizationPolicies: each(at, p.Audits, audit),
	}
}

// place is where objects are written down.
type place struct {
	namespace string
	// everything is the hint in the name of what selects no pods.
	everything string
}

func each[R any, O metav1.Object](at place, rules []R, write func(place, *R) O) []O {
	if len(rules) == 0 {
		return nil
	}
	objects := make([]O, len(rules))
	for i := range rules {
		objects[i] = write(at, &rules[i])
	}
	slices.SortStableFunc(objects, func(a, b O) int { return cmp.Compare(a.GetName(), b.GetName()) })
	return objects
}
