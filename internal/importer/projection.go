package importer

import (
	"cmp"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/render"
	"github.com/meshtls/meshtls/internal/translate"
)

// passes is how often all namespaces are compiled, so that a rule that starts from one of another namespace has it: it starts from
// the host's namespace or the root's, and that one's from the root's.
const passes = 3

// projection is the mesh after some candidates are applied and the operator has written its objects.
type projection struct {
	*original
	// left are the foreign objects that are still there.
	left model.Objects
	// rendered are what the operator writes, by namespace.
	rendered map[string]model.Objects
	outcomes map[types.NamespacedName]model.Outcome
	// behind are the candidates of the rendered objects and of the objects that they take the place of.
	behind map[model.ObjectRef][]*candidate
}

// newWorld applies the candidates.
func (m *original) projected(candidates []*candidate) *projection {
	w := &projection{
		original: m, rendered: map[string]model.Objects{}, outcomes: map[types.NamespacedName]model.Outcome{},
		behind: map[model.ObjectRef][]*candidate{},
	}
	w.remove(candidates)
	policies := slices.Clone(m.policies)
	for _, c := range candidates {
		policies = append(policies, c.policy)
	}
	w.compile(policies)
	w.attribute(candidates)
	return w
}

// remove takes away what the candidates replace, and adds what they leave behind.
func (w *projection) remove(candidates []*candidate) {
	gone := sets.New[model.ObjectRef]()
	for _, c := range candidates {
		gone.Insert(c.from...)
	}
	w.left.PeerAuthentications = without(w.foreign.PeerAuthentications, model.KindPeerAuthentication, gone)
	w.left.DestinationRules = without(w.foreign.DestinationRules, model.KindDestinationRule, gone)
	w.left.Gateways = without(w.foreign.Gateways, model.KindGateway, gone)
	for _, c := range candidates {
		if c.rest != nil {
			w.left.DestinationRules = append(w.left.DestinationRules, c.rest)
		}
		if c.kept != nil {
			w.left.Gateways = append(w.left.Gateways, c.kept)
		}
	}
}

func without[T metav1.Object](objects []T, kind string, gone sets.Set[model.ObjectRef]) []T {
	return slices.DeleteFunc(slices.Clone(objects), func(o T) bool { return gone.Has(refOf(kind, o)) })
}

func (w *projection) compile(policies []*meshtlsv1alpha1.MeshTLSPolicy) {
	byNamespace := map[string][]*meshtlsv1alpha1.MeshTLSPolicy{}
	for _, p := range policies {
		byNamespace[p.Namespace] = append(byNamespace[p.Namespace], p)
	}
	for pass := range passes {
		for _, namespace := range slices.Sorted(maps.Keys(byNamespace)) {
			if pass > 0 && len(byNamespace) == 1 {
				return
			}
			s := w.snapshot(namespace, byNamespace)
			plan := translate.Plan(s, mesh.NewViews(s.Inventory))
			w.rendered[namespace] = w.aged(render.Objects(plan))
			for _, outcome := range plan.Policies {
				w.outcomes[outcome.Policy] = outcome
			}
		}
	}
}

// snapshot is the mesh as the compile of the namespace sees it.
func (w *projection) snapshot(namespace string, policies map[string][]*meshtlsv1alpha1.MeshTLSPolicy) model.Snapshot {
	s := model.Snapshot{Namespace: namespace, Policies: policies[namespace], Inventory: w.Inventory}
	if namespace != w.Mesh.RootNamespace {
		s.RootPolicies = policies[w.Mesh.RootNamespace]
	}
	here, elsewhere := w.seenFrom(namespace)
	s.PeerAuthentications = slices.Concat(here.PeerAuthentications, elsewhere.PeerAuthentications)
	s.DestinationRules = slices.Concat(here.DestinationRules, elsewhere.DestinationRules)
	s.Gateways = slices.Concat(here.Gateways, elsewhere.Gateways)
	return s
}

// seenFrom are the live objects of the namespace (what others wrote and is left, and what the operator has written before), and those
// of all others, as the projection has them.
func (w *projection) seenFrom(namespace string) (here, elsewhere model.Objects) {
	here = model.Objects{
		PeerAuthentications: slices.Concat(in(w.left.PeerAuthentications, namespace), in(w.ours.PeerAuthentications, namespace)),
		DestinationRules:    slices.Concat(in(w.left.DestinationRules, namespace), in(w.ours.DestinationRules, namespace)),
		Gateways:            slices.Concat(in(w.left.Gateways, namespace), in(w.ours.Gateways, namespace)),
	}
	all := w.objects()
	elsewhere = model.Objects{
		PeerAuthentications: notIn(all.PeerAuthentications, namespace),
		DestinationRules:    notIn(all.DestinationRules, namespace),
		Gateways:            notIn(all.Gateways, namespace),
	}
	return here, elsewhere
}

func in[T metav1.Object](all []T, namespace string) []T {
	return slices.DeleteFunc(slices.Clone(all), func(o T) bool { return o.GetNamespace() != namespace })
}

func notIn[T metav1.Object](all []T, namespace string) []T {
	return slices.DeleteFunc(slices.Clone(all), func(o T) bool { return o.GetNamespace() == namespace })
}

// aged gives rendered objects the age of the live ones that they update. What is new is younger than everything.
func (w *projection) aged(rendered model.Objects) model.Objects {
	age(rendered.PeerAuthentications, w.ours.PeerAuthentications)
	age(rendered.DestinationRules, w.ours.DestinationRules)
	age(rendered.Gateways, w.ours.Gateways)
	return rendered
}

func age[T metav1.Object](rendered, live []T) {
	born := make(map[types.NamespacedName]metav1.Time, len(live))
	for _, o := range live {
		born[types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}] = o.GetCreationTimestamp()
	}
	for _, o := range rendered {
		created, exists := born[types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}]
		if !exists {
			created = istio.Unborn
		}
		o.SetCreationTimestamp(created)
	}
}

// objects returns all Istio objects of the projection.
func (w *projection) objects() model.Objects {
	all := model.Objects{
		PeerAuthentications: slices.Clone(w.left.PeerAuthentications),
		DestinationRules:    slices.Clone(w.left.DestinationRules),
		Gateways:            slices.Clone(w.left.Gateways),
	}
	for _, rendered := range w.rendered {
		all.PeerAuthentications = append(all.PeerAuthentications, rendered.PeerAuthentications...)
		all.DestinationRules = append(all.DestinationRules, rendered.DestinationRules...)
		all.Gateways = append(all.Gateways, rendered.Gateways...)
	}
	return all
}

// attribute notes which candidates are behind which objects.
func (w *projection) attribute(candidates []*candidate) {
	byPolicy := map[types.NamespacedName]*candidate{}
	for _, c := range candidates {
		byPolicy[keyOf(c)] = c
		for _, ref := range c.from {
			at := ref
			w.behind[at] = append(w.behind[at], c)
		}
		if c.rest != nil {
			w.behind[refOf(model.KindDestinationRule, c.rest)] = []*candidate{c}
		}
	}
	for _, objects := range w.rendered {
		for _, o := range objects.All() {
			at := refOf(o.GetObjectKind().GroupVersionKind().Kind, o)
			for _, owner := range o.GetOwnerReferences() {
				if c, ours := byPolicy[types.NamespacedName{Namespace: o.GetNamespace(), Name: owner.Name}]; ours {
					w.behind[at] = append(w.behind[at], c)
				}
			}
		}
	}
}

// order is how objects that will be written at about the same time may come to be aged.
type order int

const (
	// byName: all are of one age, and names decide.
	byName order = iota
	// byNameReversed: the later a name the older the object.
	byNameReversed
)

// seen returns the view of one revision's control plane.
func (w *projection) seen(revision string, as order) *mesh.View {
	all, i := w.objects(), w.Inventory
	i.PeerAuthentications = reordered(all.PeerAuthentications, as, (*istiosecurityv1.PeerAuthentication).DeepCopy)
	i.DestinationRules = reordered(all.DestinationRules, as, (*istionetworkingv1.DestinationRule).DeepCopy)
	i.Gateways = reordered(all.Gateways, as, (*istionetworkingv1.Gateway).DeepCopy)
	return mesh.New(i, revision)
}

// reordered gives the unborn objects the ages of the order.
func reordered[T metav1.Object](objects []T, as order, copied func(T) T) []T {
	if as == byName {
		return objects
	}
	objects = slices.Clone(objects)
	var unborn []int
	for i, o := range objects {
		if created := o.GetCreationTimestamp(); created.Equal(&istio.Unborn) {
			unborn = append(unborn, i)
		}
	}
	slices.SortFunc(unborn, func(a, b int) int {
		return cmp.Or(cmp.Compare(objects[b].GetName(), objects[a].GetName()), cmp.Compare(objects[b].GetNamespace(), objects[a].GetNamespace()))
	})
	for rank, at := range unborn {
		o := copied(objects[at])
		o.SetCreationTimestamp(metav1.Unix(istio.Unborn.Unix()+int64(rank), 0))
		objects[at] = o
	}
	return objects
}
