package render

import (
	"cmp"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshtls/meshtls/internal/model"
)

// Objects writes the plan down as Istio objects, each list ordered by name.
func Objects(p model.Plan) model.Objects {
	return model.Objects{
		PeerAuthentications: each(p.Namespace, p.Accepts, peerAuthentication),
		DestinationRules:    each(p.Namespace, p.Sends, destinationRule),
		Gateways:            each(p.Namespace, p.Gateways, gateway),
	}
}

func each[R any, O metav1.Object](namespace string, rules []R, write func(string, *R) O) []O {
	if len(rules) == 0 {
		return nil
	}
	objects := make([]O, len(rules))
	for i := range rules {
		objects[i] = write(namespace, &rules[i])
	}
	slices.SortFunc(objects, func(a, b O) int { return cmp.Compare(a.GetName(), b.GetName()) })
	return objects
}
