package controllers

import (
	"slices"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/source"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// doors are the ways in which the controller hears of changes: one for each kind that a snapshot holds.
type doors struct {
	controller controller.Controller
	mapping    mapping
}

// door is a watched kind: whom its objects concern, and which updates matter.
type door struct {
	object  client.Object
	mapping handler.MapFunc
	// matters is nil where every update does.
	matters predicate.Predicate
}

// open opens the doors of the kinds that are always there, and the one through which it is heard that others come and go.
func (d *doors) open(from cache.Cache, readable chan event.GenericEvent) error {
	for _, door := range []door{
		// Also its status: what somebody else writes there is put right.
		{&meshtlsv1alpha1.MeshTLSPolicy{}, d.mapping.ofPolicy, nil},
		{&corev1.Service{}, d.mapping.ofService, changed(serviceDiffers)},
		{&corev1.Pod{}, d.mapping.ofPod, changed(podDiffers)},
		{&corev1.Namespace{}, d.mapping.ofNamespace, changed(namespaceDiffers)},
		{&corev1.ConfigMap{}, d.mapping.ofConfigMap, changed(configMapDiffers)},
		{&admissionregistrationv1.MutatingWebhookConfiguration{}, d.mapping.ofWebhook, changed(mutatingDiffers)},
		{&admissionregistrationv1.ValidatingWebhookConfiguration{}, d.mapping.ofWebhook, changed(validatingDiffers)},
	} {
		watch := source.Kind(from, door.object, handler.EnqueueRequestsFromMapFunc(door.mapping), door.predicates()...)
		if err := d.controller.Watch(watch); err != nil {
			return err
		}
	}
	return d.controller.Watch(source.Channel(readable, handler.EnqueueRequestsFromMapFunc(d.mapping.ofAnything)))
}

// openLate opens the door of what has come while the operator runs: an Istio kind, or the credentials of a namespace.
func (d *doors) openLate(late watched) error {
	doors := d.late()
	door := doors[slices.IndexFunc(doors, func(door door) bool { return sameKind(door.object, late.object) })]
	return d.controller.Watch(&source.Informer{
		Informer:   late.informer,
		Handler:    handler.EnqueueRequestsFromMapFunc(door.mapping),
		Predicates: door.predicates(),
	})
}

// late are the doors of the kinds that come and go. ConfigMaps are those of credentials.
func (d *doors) late() []door {
	return []door{
		{&istiosecurityv1.PeerAuthentication{}, d.mapping.ofPeerAuthentication, changed(istioObjectDiffers)},
		{&istionetworkingv1.DestinationRule{}, d.mapping.ofDestinationRule, changed(istioObjectDiffers)},
		{&istionetworkingv1.Gateway{}, d.mapping.ofGateway, changed(istioObjectDiffers)},
		{&istionetworkingv1.ServiceEntry{}, d.mapping.ofServiceEntry, changed(istioObjectDiffers)},
		{&istionetworkingv1.VirtualService{}, d.mapping.ofVirtualService, changed(istioObjectDiffers)},
		{&corev1.Secret{}, d.mapping.ofCredential, changed(secretDiffers)},
		{&corev1.ConfigMap{}, d.mapping.ofCredential, changed(configMapDiffers)},
	}
}

func (d door) predicates() []predicate.Predicate {
	if d.matters == nil {
		return nil
	}
	return []predicate.Predicate{d.matters}
}

// watchCRDs makes the controller follow the CRDs of Istio's kinds.
func watchCRDs(follower controller.Controller, from cache.Cache) error {
	ofIstio := predicate.NewPredicateFuncs(func(crd client.Object) bool {
		return slices.ContainsFunc(istioKinds, func(kind istioKind) bool { return kind.crd == crd.GetName() })
	})
	return follower.Watch(source.Kind[client.Object](from, crdMetadata(), &handler.EnqueueRequestForObject{}, ofIstio))
}
