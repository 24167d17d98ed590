package mesh

import (
	"slices"

	"github.com/meshtls/meshtls/internal/istio/gatewayapi"
	"github.com/meshtls/meshtls/internal/model"
)

// KubernetesListeners returns the listeners of the Kubernetes Gateway API's Gateways that are Istio's, by namespace and name.
func (v *contents) KubernetesListeners() []gatewayapi.Listener {
	v.noteListeners()
	return v.index.listeners()
}

// noteListeners takes down the kinds by which listeners are read.
func (v *contents) noteListeners() {
	v.note(model.KindGatewayAPIGateway, model.KindReferenceGrant, model.KindNamespace)
}

// BehindListener returns the pods that the listener is for.
func (v *contents) BehindListener(l gatewayapi.Listener) []*model.Workload {
	var pods []*model.Workload
	for _, s := range v.ServicesIn(l.Of.Namespace) {
		if !slices.Contains(l.Services, s.Name) || len(s.Selector) == 0 {
			continue
		}
		for _, w := range v.Selected(s.Namespace, s.Selector) {
			if !slices.Contains(pods, w) {
				pods = append(pods, w)
			}
		}
	}
	return pods
}
