package virtualservice

import (
	"fmt"
	"iter"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshtls/meshtls/internal/istio/routes"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// mention is a place where a VirtualService names a Gateway.
type mention struct {
	vs *istionetworkingv1.VirtualService
	// gateway is who is named, at field.
	gateway types.NamespacedName
	field   string
}

func (m mention) about(severity lint.Severity) model.Finding {
	return lint.Finding(severity, model.KindVirtualService, m.vs, m.field)
}

// mentions returns all places where VirtualServices name Gateways. One without hosts is no VirtualService of its own: another one
// delegates to it.
func mentions(v *mesh.View) iter.Seq[mention] {
	return func(yield func(mention) bool) {
		for _, vs := range v.VirtualServices() {
			for i, name := range vs.Spec.Gateways {
				if name == routes.Mesh || len(vs.Spec.Hosts) == 0 {
					continue
				}
				if !yield(mention{vs: vs, gateway: routes.Gateway(name, vs.Namespace), field: fmt.Sprintf("spec.gateways[%d]", i)}) {
					return
				}
			}
		}
	}
}

func gatewaysByKey(v *mesh.View) map[types.NamespacedName]*istionetworkingv1.Gateway {
	gateways := make(map[types.NamespacedName]*istionetworkingv1.Gateway, len(v.Gateways()))
	for _, g := range v.Gateways() {
		gateways[model.RefOf(model.KindGateway, g).Key()] = g
	}
	return gateways
}

func servesAny(v *mesh.View, g *istionetworkingv1.Gateway, vs *istionetworkingv1.VirtualService) bool {
	for s := range mesh.ServersOf(g) {
		if len(v.CommonHosts(s, vs)) > 0 {
			return true
		}
	}
	return false
}
