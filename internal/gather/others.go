package gather

import (
	"context"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	istionetworkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/gatewayapi"
	"github.com/meshtls/meshtls/internal/model"
)

// readOthers reads the objects that the model does not interpret: EnvoyFilters, and those of the Gateway API.
func (g *gathering) readOthers(ctx context.Context, options ...client.ListOption) error {
	if _, err := g.envoyFilters.read(ctx, options...); err != nil {
		return err
	}
	for _, kind := range slices.Sorted(maps.Keys(g.gatewayAPI)) {
		if _, err := g.gatewayAPI[kind].read(ctx, options...); err != nil {
			return err
		}
	}
	return nil
}

// othersOf returns the objects that were read, by kind, namespace and name.
func (g *gathering) othersOf() []model.Other {
	var all []model.Other
	for _, kind := range slices.Sorted(maps.Keys(g.gatewayAPI)) {
		for _, object := range g.gatewayAPI[kind].sorted() {
			if !interpreted(kind, object) {
				all = append(all, ofGatewayAPI(kind, object))
			}
		}
	}
	for _, filter := range g.envoyFilters.sorted() {
		all = append(all, ofEnvoyFilter(filter))
	}
	return all
}

func ofEnvoyFilter(filter *istionetworkingv1alpha3.EnvoyFilter) model.Other {
	other := model.Other{
		ObjectRef: model.RefOf(model.KindEnvoyFilter, filter),
		Selector:  filter.Spec.GetWorkloadSelector().GetLabels(),
		Revision:  filter.Labels[meshtlsv1alpha1.LabelRevision],
	}
	for _, target := range filter.Spec.GetTargetRefs() {
		kind := target.GetKind()
		if target.GetGroup() == gatewayAPIGroup && kind == model.KindGateway {
			kind = model.KindGatewayAPIGateway
		}
		other.Targets = append(other.Targets, model.ObjectRef{Kind: kind, Namespace: filter.Namespace, Name: target.GetName()})
	}
	return other
}

// interpreted reports whether the model knows all that the object does to proxies. ListenerSets may add to a Gateway that admits some.
func interpreted(kind string, object *unstructured.Unstructured) bool {
	switch kind {
	case model.KindReferenceGrant:
		return true
	case model.KindGatewayAPIGateway:
		class, _, _ := unstructured.NestedString(object.Object, "spec", "gatewayClassName")
		_, admits, _ := unstructured.NestedMap(object.Object, "spec", "allowedListeners")
		return class == gatewayapi.Class && !admits
	default:
		return false
	}
}

// ofGatewayAPI reads what an object of the Gateway API is for: the pods that are made for a Gateway, and the parents or targets of the
// others.
func ofGatewayAPI(kind string, object *unstructured.Unstructured) model.Other {
	other := model.Other{ObjectRef: model.RefOf(kind, object), Revision: object.GetLabels()[meshtlsv1alpha1.LabelRevision]}
	if kind == model.KindGatewayAPIGateway {
		class, _, _ := unstructured.NestedString(object.Object, "spec", "gatewayClassName")
		other.Waypoint = class == model.WaypointClass
		other.Selector = map[string]string{model.LabelGatewayName: object.GetName()}
		return other
	}
	for _, list := range []string{"parentRefs", "targetRefs"} {
		refs, _, _ := unstructured.NestedSlice(object.Object, "spec", list)
		for _, ref := range refs {
			if fields, ok := ref.(map[string]any); ok {
				other.Targets = append(other.Targets, refIn(fields, object.GetNamespace()))
			}
		}
	}
	return other
}

// refIn reads a parent, which is a Gateway unless it says otherwise, or a target.
func refIn(fields map[string]any, namespace string) model.ObjectRef {
	ref := model.ObjectRef{Kind: model.KindGatewayAPIGateway, Namespace: namespace}
	if kind, _ := fields["kind"].(string); kind != "" && kind != model.KindGateway {
		ref.Kind = kind
	}
	if named, _ := fields["namespace"].(string); named != "" {
		ref.Namespace = named
	}
	ref.Name, _ = fields["name"].(string)
	return ref
}
