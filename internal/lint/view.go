package lint

import (
	"iter"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/effective"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/pods"
)

// view is the mesh as the control plane of one revision sees it, indexed. It holds only objects that this one reads.
type view struct {
	model.Inventory
	revision string
	// istio is what Istio makes of the PeerAuthentications, DestinationRules and Gateways.
	istio *effective.Model
	// ours are the objects that the operator writes; muted are the checks that an object's annotation silences.
	ours  sets.Set[model.ObjectRef]
	muted map[model.ObjectRef]string
	// pods are all workloads, and podsIn those of each namespace.
	pods   pods.Index
	podsIn map[string]pods.Index
	// clients are the callers that stand for all that have a proxy, and clientsIn those of each namespace.
	clients   []model.Workload
	clientsIn map[string][]model.Workload
	// destinations are what clients can call, by host.
	destinations map[string][]*destination
	// hosts are the destinations' names, in order.
	hosts []string
}

// newView indexes what the revision's control plane sees; istio is what it makes of that, or nil, to find out.
func newView(i model.Inventory, revision string, istio *effective.Model) *view {
	i.PeerAuthentications = inRevision(i.PeerAuthentications, revision)
	i.DestinationRules = inRevision(i.DestinationRules, revision)
	i.Gateways = inRevision(i.Gateways, revision)
	i.VirtualServices = inRevision(i.VirtualServices, revision)
	i.ServiceEntries = inRevision(i.ServiceEntries, revision)
	i.WorkloadEntries = inRevision(i.WorkloadEntries, revision)
	i.AuthorizationPolicies = inRevision(i.AuthorizationPolicies, revision)
	if istio == nil {
		istio = effective.New(effective.World{
			Mesh:                i.Mesh,
			PeerAuthentications: i.PeerAuthentications,
			DestinationRules:    i.DestinationRules,
			Gateways:            i.Gateways,
			Services:            i.Services,
		})
	}
	v := &view{
		Inventory: i, revision: revision, istio: istio,
		ours: sets.New[model.ObjectRef](), muted: map[model.ObjectRef]string{},
		pods: pods.NewIndex(i.Workloads), podsIn: map[string]pods.Index{},
	}
	v.note()
	v.indexPods()
	v.indexClients()
	v.indexDestinations()
	return v
}

func inRevision[T metav1.Object](objects []T, revision string) []T {
	return slices.DeleteFunc(slices.Clone(objects), func(o T) bool { return !model.InRevision(o, revision) })
}

// istioObjects are the Istio objects of all kinds, each with its kind.
func istioObjects(i model.Inventory) iter.Seq2[metav1.Object, string] {
	return func(yield func(metav1.Object, string) bool) {
		_ = each(i.PeerAuthentications, model.KindPeerAuthentication, yield) &&
			each(i.DestinationRules, model.KindDestinationRule, yield) &&
			each(i.Gateways, model.KindGateway, yield) &&
			each(i.VirtualServices, model.KindVirtualService, yield) &&
			each(i.ServiceEntries, model.KindServiceEntry, yield) &&
			each(i.WorkloadEntries, model.KindWorkloadEntry, yield) &&
			each(i.AuthorizationPolicies, model.KindAuthorizationPolicy, yield)
	}
}

func each[T metav1.Object](objects []T, kind string, yield func(metav1.Object, string) bool) bool {
	for _, o := range objects {
		if !yield(o, kind) {
			return false
		}
	}
	return true
}

// note takes down which objects are ours, and which checks the others mute.
func (v *view) note() {
	for o, kind := range istioObjects(v.Inventory) {
		if model.Ours(o) {
			v.ours.Insert(ref(kind, o))
		}
		v.noteMute(ref(kind, o), o.GetAnnotations())
	}
	for _, w := range v.Webhooks {
		v.noteMute(model.ObjectRef{Kind: w.Kind, Name: w.Configuration}, w.Annotations)
	}
	for _, c := range v.Credentials {
		v.noteMute(model.ObjectRef{Kind: c.Kind, Namespace: c.Namespace, Name: c.Name}, c.Annotations)
	}
}

func (v *view) noteMute(object model.ObjectRef, annotations map[string]string) {
	if checks := annotations[meshtlsv1alpha1.AnnotationMute]; checks != "" {
		v.muted[object] = checks
	}
}

// mutes says whether the annotation of the finding's object silences its check.
func (v *view) mutes(f model.Finding) bool {
	for name := range strings.SplitSeq(v.muted[f.Object], ",") {
		if strings.TrimSpace(name) == f.Check {
			return true
		}
	}
	return false
}

func (v *view) indexPods() {
	byNamespace := map[string][]model.Workload{}
	for _, w := range v.Workloads {
		byNamespace[w.Namespace] = append(byNamespace[w.Namespace], w)
	}
	for namespace, workloads := range byNamespace {
		v.podsIn[namespace] = pods.NewIndex(workloads)
	}
}

// selected are the workloads of the namespace that have the labels; no labels: all of them.
func (v *view) selected(namespace string, labels map[string]string) []model.Workload {
	index, any := v.podsIn[namespace]
	if !any {
		return nil
	}
	return index.Selected(labels)
}

// gatewayPods are the workloads, of any namespace, that a Gateway is for: without a selector, all that are gateways.
func (v *view) gatewayPods(selector map[string]string) []model.Workload {
	if len(selector) > 0 {
		return v.pods.Selected(selector)
	}
	return slices.DeleteFunc(slices.Clone(v.Workloads), func(w model.Workload) bool { return !w.Gateway })
}
