package controllers

import (
	"context"
	"slices"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
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

// door is a watched kind: whom its objects concern, and which updates matter.
type door struct {
	object  client.Object
	mapping handler.MapFunc
	// matters is nil where every update does.
	matters predicate.Predicate
}

// open opens the doors of the kinds that are always there, and the one through which the coming and going of Istio's is heard.
func (d *doors) open(from cache.Cache, kindsChanged chan event.GenericEvent) error {
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
	return d.controller.Watch(source.Channel(kindsChanged, handler.EnqueueRequestsFromMapFunc(d.mapping.ofAnything)))
}

// openIstio opens the door of an Istio kind that has come.
func (d *doors) openIstio(kind istioKind, informer cache.Informer) error {
	door := door{kind.object, d.mapping.ofIstio()[kind.name], changed(istioObjectDiffers)}
	return d.controller.Watch(&source.Informer{
		Informer:   informer,
		Handler:    handler.EnqueueRequestsFromMapFunc(door.mapping),
		Predicates: door.predicates(),
	})
}

// openCredentials opens the door of a kind of credentials in a namespace that has been read.
func (d *doors) openCredentials(object client.Object, informer cache.Informer) error {
	matters := changed(configMapDiffers)
	if _, secret := object.(*corev1.Secret); secret {
		matters = changed(secretDiffers)
	}
	return d.controller.Watch(&source.Informer{
		Informer:   informer,
		Handler:    handler.EnqueueRequestsFromMapFunc(d.mapping.ofCredential),
		Predicates: []predicate.Predicate{matters},
	})
}

// ofIstio are the mappings of Istio's kinds.
func (m mapping) ofIstio() map[string]handler.MapFunc {
	return map[string]handler.MapFunc{
		model.KindPeerAuthentication: m.ofPeerAuthentication,
		model.KindDestinationRule:    m.ofDestinationRule,
		model.KindGateway:            m.ofGateway,
		model.KindServiceEntry:       m.ofServiceEntry,
		model.KindVirtualService:     m.ofVirtualService,
	}
}

func (d door) predicates() []predicate.Predicate {
	if d.matters == nil {
		return nil
	}
	return []predicate.Predicate{d.matters}
}

// watchCRDs makes the controller follow the CRDs of Istio's kinds. It looks at each once in the beginning, whether there is an
// event or not: one may have gone between the manager's first look and the watch.
func watchCRDs(follower controller.Controller, from cache.Cache) error {
	ofIstio := predicate.NewPredicateFuncs(func(crd client.Object) bool {
		return slices.ContainsFunc(istioKinds, func(kind istioKind) bool { return kind.crd == crd.GetName() })
	})
	if err := follower.Watch(source.Kind[client.Object](from, crdMetadata(), &handler.EnqueueRequestForObject{}, ofIstio)); err != nil {
		return err
	}
	return follower.Watch(source.Func(func(_ context.Context, queue workqueue.TypedRateLimitingInterface[ctrl.Request]) error {
		for _, kind := range istioKinds {
			queue.Add(ctrl.Request{NamespacedName: types.NamespacedName{Name: kind.crd}})
		}
		return nil
	}))
}

// kindsReconciler opens and closes Istio's kinds as their CRDs come and go.
type kindsReconciler struct {
	kinds *kinds
}

// Reconcile looks at the CRD that the request names.
func (r kindsReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	at := slices.IndexFunc(istioKinds, func(kind istioKind) bool { return kind.crd == request.Name })
	return ctrl.Result{}, r.kinds.sync(ctx, r.kinds.manager.GetClient(), istioKinds[at])
}
