package controllers

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	"github.com/meshtls/meshtls/internal/model"
)

// istioKind is an Istio kind that the operator reads.
type istioKind struct {
	name   string
	crd    string
	object client.Object
}

// istioKinds are the Istio kinds that a snapshot holds.
var istioKinds = []istioKind{
	{model.KindPeerAuthentication, "peerauthentications.security.istio.io", &istiosecurityv1.PeerAuthentication{}},
	{model.KindDestinationRule, "destinationrules.networking.istio.io", &istionetworkingv1.DestinationRule{}},
	{model.KindGateway, "gateways.networking.istio.io", &istionetworkingv1.Gateway{}},
	{model.KindServiceEntry, "serviceentries.networking.istio.io", &istionetworkingv1.ServiceEntry{}},
	{model.KindVirtualService, "virtualservices.networking.istio.io", &istionetworkingv1.VirtualService{}},
}

// istioSubjects are Istio's kinds as what is read while their CRDs are there, in the scope's namespaces.
func istioSubjects(scope scope) []subject {
	var subjects []subject
	for _, kind := range istioKinds {
		subjects = append(subjects, subject{
			name: kind.name, request: kind.crd, crd: kind.crd, objects: []client.Object{kind.object}, namespaces: scope.parts(),
		})
	}
	return subjects
}

// crdMetadata is an empty CustomResourceDefinition, of which only the metadata is read.
func crdMetadata() *metav1.PartialObjectMetadata {
	crd := &metav1.PartialObjectMetadata{}
	crd.SetGroupVersionKind(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"})
	return crd
}
