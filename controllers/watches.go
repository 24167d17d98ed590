package controllers

import (
	"context"
	"slices"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/source"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// doors are the ways in which the controller hears of changes: one for each kind that a snapshot holds.
type doors struct {
	controller controller.Controller
	mapping    mapping
}

// door is a watched kind, and which updates matter.
type door struct {
	kind   string
	object client.Object
	// matters is nil where every update does.
	matters predicate.Predicate
}

// open opens the doors of the kinds that are always there, and the one through which it is heard that others come and go.
func (d *doors) open(from cache.Cache, readable chan event.GenericEvent) error {
	for _, door := range alwaysThere {
		watch := source.Kind(from, door.object, handler.EnqueueRequestsFromMapFunc(d.mapping.of(door.kind)), door.predicates()...)
		if err := d.controller.Watch(watch); err != nil {
			return err
		}
	}
	return d.controller.Watch(source.Channel(readable, handler.EnqueueRequestsFromMapFunc(d.mapping.everything)))
}

// openObserved opens the door through which it is heard what was seen of a policy's target.
func (d *doors) openObserved(changed chan event.GenericEvent) error {
	own := func(_ context.Context, policy client.Object) []ctrl.Request {
		return requests([]string{policy.GetNamespace()})
	}
	return d.controller.Watch(source.Channel(changed, handler.EnqueueRequestsFromMapFunc(own)))
}

// alwaysThere are the doors of the kinds that every cluster has.
var alwaysThere = []door{
	// Also its status: what somebody else writes there is put right.
	{model.KindPolicy, &meshtlsv1alpha1.MeshTLSPolicy{}, nil},
	{model.KindService, &corev1.Service{}, changed(serviceDiffers)},
	{model.KindPod, &corev1.Pod{}, changed(podDiffers)},
	{model.KindNamespace, &corev1.Namespace{}, changed(namespaceDiffers)},
	{model.KindConfigMap, &corev1.ConfigMap{}, changed(configMapDiffers)},
	{model.KindEndpointSlice, &discoveryv1.EndpointSlice{}, changed(endpointSliceDiffers)},
	{model.KindIngress, &networkingv1.Ingress{}, changed(ingressDiffers)},
	{model.KindIngressClass, &networkingv1.IngressClass{}, nil},
	{model.KindMutatingWebhook, &admissionregistrationv1.MutatingWebhookConfiguration{}, changed(mutatingDiffers)},
	{model.KindValidatingWebhook, &admissionregistrationv1.ValidatingWebhookConfiguration{}, changed(validatingDiffers)},
}

// openLate opens the door of what has come while the operator runs: an Istio kind, or the credentials of a namespace.
func (d *doors) openLate(late watched) error {
	doors := comingAndGoing()
	door := doors[slices.IndexFunc(doors, func(door door) bool { return sameKind(door.object, late.object) })]
	return d.controller.Watch(&source.Informer{
		Informer:   late.informer,
		Handler:    handler.EnqueueRequestsFromMapFunc(d.mapping.of(door.kind)),
		Predicates: door.predicates(),
	})
}

// comingAndGoing returns the doors of the kinds that come and go. ConfigMaps are those of credentials.
func comingAndGoing() []door {
	doors := []door{
		{model.KindSecret, &corev1.Secret{}, changed(secretDiffers)},
		{model.KindConfigMap, &corev1.ConfigMap{}, changed(configMapDiffers)},
	}
	for _, kind := range istioKinds {
		doors = append(doors, door{kind.name, kind.object, changed(istioObjectDiffers)})
	}
	return doors
}

func (d door) predicates() []predicate.Predicate {
	if d.matters == nil {
		return nil
	}
	return []predicate.Predicate{d.matters}
}

// watchCRDs makes the controller follow the CRDs of the subjects.
func watchCRDs(follower controller.Controller, from cache.Cache, subjects []subject) error {
	ofIstio := predicate.NewPredicateFuncs(func(crd client.Object) bool {
		return slices.ContainsFunc(subjects, func(s subject) bool { return s.crd == crd.GetName() })
	})
	return follower.Watch(source.Kind[client.Object](from, crdMetadata(), &handler.EnqueueRequestForObject{}, ofIstio))
}
