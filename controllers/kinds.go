package controllers

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istionetworkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"

	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/verbatim"
)

// istioKind is a kind of Istio, or one that Istio reads, that comes and goes with its CRD.
type istioKind struct {
	name   string
	crd    string
	object client.Object
}

// istioKinds are those that a snapshot holds.
var istioKinds = []istioKind{
	{model.KindPeerAuthentication, "peerauthentications.security.istio.io", &verbatim.PeerAuthentication{}},
	{model.KindDestinationRule, "destinationrules.networking.istio.io", &verbatim.DestinationRule{}},
	{model.KindGateway, "gateways.networking.istio.io", &verbatim.Gateway{}},
	{model.KindServiceEntry, "serviceentries.networking.istio.io", &istionetworkingv1.ServiceEntry{}},
	{model.KindVirtualService, "virtualservices.networking.istio.io", &istionetworkingv1.VirtualService{}},
	{model.KindWorkloadEntry, "workloadentries.networking.istio.io", &istionetworkingv1.WorkloadEntry{}},
	{model.KindSidecar, "sidecars.networking.istio.io", &istionetworkingv1.Sidecar{}},
	{model.KindEnvoyFilter, "envoyfilters.networking.istio.io", &istionetworkingv1alpha3.EnvoyFilter{}},
	{model.KindGatewayAPIGateway, "gateways.gateway.networking.k8s.io", gather.NewGatewayAPI(model.KindGatewayAPIGateway)},
	{model.KindHTTPRoute, "httproutes.gateway.networking.k8s.io", gather.NewGatewayAPI(model.KindHTTPRoute)},
	{model.KindGRPCRoute, "grpcroutes.gateway.networking.k8s.io", gather.NewGatewayAPI(model.KindGRPCRoute)},
	{model.KindTLSRoute, "tlsroutes.gateway.networking.k8s.io", gather.NewGatewayAPI(model.KindTLSRoute)},
	{model.KindTCPRoute, "tcproutes.gateway.networking.k8s.io", gather.NewGatewayAPI(model.KindTCPRoute)},
	{model.KindReferenceGrant, "referencegrants.gateway.networking.k8s.io", gather.NewGatewayAPI(model.KindReferenceGrant)},
	{model.KindBackendTLSPolicy, "backendtlspolicies.gateway.networking.k8s.io", gather.NewGatewayAPI(model.KindBackendTLSPolicy)},
}

// istioSubjects are Istio's kinds as what is read while their CRDs are there, in the scope's namespaces.
func istioSubjects(scope scope) []subject {
	var subjects []subject
	for _, kind := range istioKinds {
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
