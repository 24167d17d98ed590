package gather

import (
	"context"
	"encoding/json"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	gatewayv1beta1 "sigs.k8s.io/gateway-api/apis/v1beta1"

	"github.com/meshtls/meshtls/internal/model"
)

// typedOf returns the objects of a kind of the Gateway API that were read, with their fields. One whose fields are not of the API's types
// is left out: Istio could not read it either.
func typedOf[T any](g *gathering, kind string) []*T {
	var all []*T
	for _, object := range g.gatewayAPI[kind].sorted() {
		typed := new(T)
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, typed); err == nil {
			all = append(all, typed)
		}
	}
	return all
}

// Readable says why an object of the Gateway API is not of the API's types, if it is of a kind whose fields are read.
func Readable(object *unstructured.Unstructured) error {
	switch object.GroupVersionKind() {
	case GatewayAPI[model.KindGatewayAPIGateway]:
		return decodes(object, &gatewayv1.Gateway{})
	case GatewayAPI[model.KindReferenceGrant]:
		return decodes(object, &gatewayv1beta1.ReferenceGrant{})
	default:
		return nil
	}
}

// decodes says, with the field's name, why an object is not of the type.
func decodes(object *unstructured.Unstructured, into any) error {
	encoded, err := json.Marshal(object.Object)
	if err != nil {
		return err
	}
	return json.Unmarshal(encoded, into)
}

// readListeners reads the Kubernetes Gateways of the namespaces in which gateway pods run, since these are for pods of their own namespace
// alone, and what decides how Istio reads their listeners: the ReferenceGrants of the namespaces that they name, and the labels of all
// namespaces where routes are admitted by these.
func (m *making) readListeners(ctx context.Context) error {
	namespaces := sets.New[string]()
	for _, pod := range m.gatewayPods() {
		namespaces.Insert(pod.Namespace)
	}
	for _, namespace := range sets.List(namespaces) {
		if _, err := m.gatewayAPI[model.KindGatewayAPIGateway].read(ctx, client.InNamespace(namespace)); err != nil {
			return err
		}
	}
	granting, byLabels := sets.New[string](), false
	for _, gateway := range typedOf[gatewayv1.Gateway](m.gathering, model.KindGatewayAPIGateway) {
		granting.Insert(namespacesNamed(gateway)...)
		byLabels = byLabels || admitsByLabels(gateway)
	}
	for _, namespace := range sets.List(granting) {
		if _, err := m.gatewayAPI[model.KindReferenceGrant].read(ctx, client.InNamespace(namespace)); err != nil {
			return err
		}
	}
	if byLabels {
		return reads(ctx, &m.namespaces)()
	}
	return nil
}

// namespacesNamed returns the other namespaces whose certificates and authorities the Gateway names.
func namespacesNamed(gateway *gatewayv1.Gateway) []string {
	named := sets.New[string]()
	add := func(namespace *gatewayv1.Namespace) {
		if namespace != nil && string(*namespace) != gateway.Namespace {
			named.Insert(string(*namespace))
		}
	}
	for _, l := range gateway.Spec.Listeners {
		if l.TLS == nil {
			continue
		}
		for _, ref := range l.TLS.CertificateRefs {
			add(ref.Namespace)
		}
	}
	for _, validation := range validationsOf(gateway) {
		for _, ref := range validation.CACertificateRefs {
			add(ref.Namespace)
		}
	}
	return sets.List(named)
}

// validationsOf returns how the Gateway has clients validated, by default and at single ports.
func validationsOf(gateway *gatewayv1.Gateway) []*gatewayv1.FrontendTLSValidation {
	if gateway.Spec.TLS == nil || gateway.Spec.TLS.Frontend == nil {
		return nil
	}
	frontend := gateway.Spec.TLS.Frontend
	all := []*gatewayv1.FrontendTLSValidation{frontend.Default.Validation}
	for i := range frontend.PerPort {
		all = append(all, frontend.PerPort[i].TLS.Validation)
	}
	var said []*gatewayv1.FrontendTLSValidation
	for _, validation := range all {
		if validation != nil {
			said = append(said, validation)
		}
	}
	return said
}

// admitsByLabels reports whether a listener of the Gateway admits routes by the labels of their namespaces.
func admitsByLabels(gateway *gatewayv1.Gateway) bool {
	for _, l := range gateway.Spec.Listeners {
		if l.AllowedRoutes != nil && l.AllowedRoutes.Namespaces != nil && l.AllowedRoutes.Namespaces.Selector != nil {
			return true
		}
	}
	return false
}
