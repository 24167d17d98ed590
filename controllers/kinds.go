package controllers

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istionetworkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/verbatim"
)

// istioKind is a kind of Istio, or one that Istio reads, that comes and goes with its CRD.
type istioKind struct {
	name   string
	crd    string
	object client.Object
	// optional: it is read only where the operator is told to.
	optional bool
}

// istioKinds are those that a snapshot holds.
var istioKinds = []istioKind{
	{name: model.KindPeerAuthentication, crd: "peerauthentications.security.istio.io", object: &verbatim.PeerAuthentication{}},
	{name: model.KindDestinationRule, crd: "destinationrules.networking.istio.io", object: &verbatim.DestinationRule{}},
	{name: model.KindGateway, crd: "gateways.networking.istio.io", object: &verbatim.Gateway{}},
	{name: model.KindServiceEntry, crd: "serviceentries.networking.istio.io", object: &istionetworkingv1.ServiceEntry{}},
	{name: model.KindVirtualService, crd: "virtualservices.networking.istio.io", object: &istionetworkingv1.VirtualService{}},
	{name: model.KindWorkloadEntry, crd: "workloadentries.networking.istio.io", object: &istionetworkingv1.WorkloadEntry{}},
	{name: model.KindSidecar, crd: "sidecars.networking.istio.io", object: &istionetworkingv1.Sidecar{}},
	{name: model.KindEnvoyFilter, crd: "envoyfilters.networking.istio.io", object: &istionetworkingv1alpha3.EnvoyFilter{}},
	{name: model.KindGatewayAPIGateway, crd: "gateways.gateway.networking.k8s.io", object: gather.NewGatewayAPI(model.KindGatewayAPIGateway)},
	{name: model.KindHTTPRoute, crd: "httproutes.gateway.networking.k8s.io", object: gather.NewGatewayAPI(model.KindHTTPRoute)},
	{name: model.KindGRPCRoute, crd: "grpcroutes.gateway.networking.k8s.io", object: gather.NewGatewayAPI(model.KindGRPCRoute)},
	{name: model.KindTLSRoute, crd: "tlsroutes.gateway.networking.k8s.io", object: gather.NewGatewayAPI(model.KindTLSRoute)},
	{name: model.KindTCPRoute, crd: "tcproutes.gateway.networking.k8s.io", object: gather.NewGatewayAPI(model.KindTCPRoute)},
	{
		name: model.KindReferenceGrant, crd: "referencegrants.gateway.networking.k8s.io",
		object: gather.NewGatewayAPI(model.KindReferenceGrant),
	},
	{
		name: model.KindBackendTLSPolicy, crd: "backendtlspolicies.gateway.networking.k8s.io",
		object: gather.NewGatewayAPI(model.KindBackendTLSPolicy),
	},
	{name: model.KindAuthorizationPolicy, crd: authorizationPolicies, object: &istiosecurityv1.AuthorizationPolicy{}, optional: true},
}

// istioSubjects are Istio's kinds that are always looked at as what is read while their CRDs are there, in the scope's namespaces.
func istioSubjects(scope scope) []subject {
	var subjects []subject
	for _, kind := range istioKinds {
		if kind.optional {
			continue
		}
		_, otherVersions := gather.GatewayAPI[kind.name]
		subjects = append(subjects, subject{
			name: kind.name, request: kind.crd, crd: kind.crd, objects: []client.Object{kind.object}, namespaces: scope.parts(),
			otherVersions: otherVersions,
		})
	}
	return subjects
}

// crdMetadata returns an empty CustomResourceDefinition; only its metadata is read.
func crdMetadata() *metav1.PartialObjectMetadata {
	crd := &metav1.PartialObjectMetadata{}
	crd.SetGroupVersionKind(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"})
	return crd
}
