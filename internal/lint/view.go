package lint

import (
	"iter"
	"slices"
	"strings"
	"sync"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/istio/routes"
	"github.com/meshtls/meshtls/internal/model"
)

// view is the mesh as the control plane of one revision sees it, indexed. It holds only objects that this one reads.
type view struct {
	model.Inventory
	revision string
	// istio is what Istio makes of the PeerAuthentications, DestinationRules and Gateways.
	istio *istio.Model

	// What follows is indexed when a check first asks for it: most namespaces have nothing that most checks are about.

	// notes are what the objects' labels and annotations say to lint.
	notes func() notes
	// pods are all workloads, and podsIn those of each namespace.
	pods   func() pods.Index
	podsIn func() pods.Namespaces
	// servicesIn are the Services of each namespace, and authorizationsIn its AuthorizationPolicies.
	servicesIn       func() map[string][]*model.Service
	authorizationsIn func() map[string][]*istiosecurityv1.AuthorizationPolicy
	// clients are the callers that stand for all that have a proxy.
	clients func() clients
	// destinations are what clients can call.
	destinations func() destinations.Index
	// credentials are the Secrets and ConfigMaps, and what is wanted of them.
	credentials func() credentials
	// routes are the VirtualServices that name a Gateway, by the Gateway.
	routes func() map[types.NamespacedName][]*istionetworkingv1.VirtualService

	// everyGateway are the Gateways of all revisions: what one control plane does not read may be there for another.
	everyGateway []*istionetworkingv1.Gateway
}

// notes are the objects that the operator writes, and the checks that an object's annotation silences.
type notes struct {
	ours  sets.Set[model.ObjectRef]
	muted map[model.ObjectRef]string
}

// newView indexes what the revision's control plane sees; istio is what it makes of that, or nil, to find out.
func newView(i model.Inventory, revision string, asked *istio.Model) *view {
	everyGateway := i.Gateways
	i = i.InRevision(revision)
	if asked == nil {
		asked = istio.New(istio.WorldOf(i))
	}
	v := &view{Inventory: i, revision: revision, istio: asked, everyGateway: everyGateway}
	v.notes = sync.OnceValue(v.takeNotes)
	v.pods = sync.OnceValue(func() pods.Index { return pods.NewIndex(i.Workloads) })
	v.podsIn = sync.OnceValue(func() pods.Namespaces { return pods.ByNamespace(i.Workloads) })
	v.servicesIn = sync.OnceValue(v.indexServices)
	v.authorizationsIn = sync.OnceValue(v.indexAuthorizations)
	v.clients = sync.OnceValue(v.indexClients)
	v.destinations = sync.OnceValue(func() destinations.Index { return destinations.NewIndex(i) })
	v.credentials = sync.OnceValue(v.indexCredentials)
	v.routes = sync.OnceValue(func() map[types.NamespacedName][]*istionetworkingv1.VirtualService {
		return routes.ByGateway(i.VirtualServices)
	})
	return v
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

// takeNotes takes down which objects are ours, and which checks the others mute.
func (v *view) takeNotes() notes {
	n := notes{ours: sets.New[model.ObjectRef](), muted: map[model.ObjectRef]string{}}
	for o, kind := range istioObjects(v.Inventory) {
		if model.Ours(o) {
			n.ours.Insert(ref(kind, o))
		}
		n.mute(ref(kind, o), o.GetAnnotations())
	}
	for _, w := range v.Webhooks {
		n.mute(model.ObjectRef{Kind: w.Kind, Name: w.Configuration}, w.Annotations)
	}
	for i := range v.Services {
		if s := &v.Services[i]; s.Mute != "" {
			n.muted[model.ObjectRef{Kind: model.KindService, Namespace: s.Namespace, Name: s.Name}] = s.Mute
		}
	}
	for _, c := range v.Credentials {
		n.mute(model.ObjectRef{Kind: c.Kind, Namespace: c.Namespace, Name: c.Name}, c.Annotations)
	}
	return n
}

func (n notes) mute(object model.ObjectRef, annotations map[string]string) {
	if checks := annotations[meshtlsv1alpha1.AnnotationMute]; checks != "" {
		n.muted[object] = checks
	}
}

// ours says whether the operator writes the object.
func (v *view) ours(object model.ObjectRef) bool { return v.notes().ours.Has(object) }

// mutes says whether the annotation of the finding's object silences its check.
func (v *view) mutes(f model.Finding) bool {
	for name := range strings.SplitSeq(v.notes().muted[f.Subject], ",") {
		if strings.TrimSpace(name) == f.Check {
			return true
		}
	}
	return false
}

func (v *view) indexServices() map[string][]*model.Service {
	byNamespace := map[string][]*model.Service{}
	for i := range v.Services {
		byNamespace[v.Services[i].Namespace] = append(byNamespace[v.Services[i].Namespace], &v.Services[i])
	}
	return byNamespace
}

func (v *view) indexAuthorizations() map[string][]*istiosecurityv1.AuthorizationPolicy {
	byNamespace := map[string][]*istiosecurityv1.AuthorizationPolicy{}
	for _, policy := range v.AuthorizationPolicies {
		byNamespace[policy.Namespace] = append(byNamespace[policy.Namespace], policy)
	}
	return byNamespace
}

// selected are the workloads of the namespace that have the labels; no labels: all of them.
func (v *view) selected(namespace string, labels map[string]string) []model.Workload {
	return v.podsIn().Selected(namespace, labels)
}

// gatewayPods are the workloads, of any namespace, that a Gateway is for: without a selector, all that are gateways.
func (v *view) gatewayPods(selector map[string]string) []model.Workload {
	if len(selector) > 0 {
		return v.pods().Selected(selector)
	}
	return slices.DeleteFunc(slices.Clone(v.Workloads), func(w model.Workload) bool { return !w.Gateway })
}
