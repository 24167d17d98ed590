package equivalence

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshtls/meshtls/internal/importer"
	"github.com/meshtls/meshtls/internal/istio/routes"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/render"
)

// rebound binds the VirtualServices to the rendered Gateway: in place of the old one, or beside what stays of it.
func (d documents) rebound(p importer.Policy) {
	if p.From[0].Kind != model.KindGateway {
		return
	}
	for i, o := range d {
		if o.GetKind() != model.KindVirtualService {
			continue
		}
		d[i] = o.DeepCopy()
		rebind(d[i], d[i].Object["spec"], p)
	}
}

// rebind changes every list of gateways in the value.
func rebind(route *unstructured.Unstructured, value any, p importer.Policy) {
	switch typed := value.(type) {
	case []any:
		for _, each := range typed {
			rebind(route, each, p)
		}
	case map[string]any:
		for key, below := range typed {
			if names, isList := below.([]any); isList && key == "gateways" {
				typed[key] = bound(route, names, p)
			} else {
				rebind(route, below, p)
			}
		}
	}
}

func bound(route *unstructured.Unstructured, names []any, p importer.Policy) []any {
	rendered := p.Namespace + "/" + render.GatewayName(p.Name)
	var changed []any
	for _, each := range names {
		name, _ := each.(string)
		old := routes.Gateway(name, route.GetNamespace()) == types.NamespacedName{Namespace: p.From[0].Namespace, Name: p.From[0].Name}
		if !old || p.Keeps {
			changed = append(changed, each)
		}
		if old && !slices.Contains(changed, any(rendered)) {
			changed = append(changed, rendered)
		}
	}
	return changed
}
