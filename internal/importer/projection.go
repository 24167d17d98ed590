package importer

import (
	"cmp"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	"github.com/meshtls/meshtls/internal/compile"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// projection is the mesh after some candidates are applied and the operator has come to rest.
type projection struct {
	model.Inventory
	outcomes map[types.NamespacedName]model.Outcome
	// behind are the candidates of the rendered objects and of the objects that they take the place of.
	behind map[model.ObjectRef][]*candidate
}

// projected applies the candidates. An error is ErrRestless: the operator would write without end.
func (m *original) projected(candidates []*candidate) (*projection, error) {
	policies := slices.Clone(m.policies)
	for _, c := range candidates {
		policies = append(policies, c.policy)
	}
	settled, err := compile.Settle(m.without(candidates), policies)
	if err != nil {
		return nil, err
	}
	p := &projection{Inventory: settled.Inventory, outcomes: settled.Outcomes(), behind: map[model.ObjectRef][]*candidate{}}
	p.attribute(candidates)
	return p, nil
}

// without returns the mesh without the objects that the candidates replace, and with those that they leave behind.
func (m *original) without(candidates []*candidate) model.Inventory {
	gone := sets.New[model.ObjectRef]()
	for _, c := range candidates {
		gone.Insert(c.from...)
	}
	i := m.Inventory
	i.PeerAuthentications = without(i.PeerAuthentications, model.KindPeerAuthentication, gone)
	i.DestinationRules = without(i.DestinationRules, model.KindDestinationRule, gone)
	i.Gateways = without(i.Gateways, model.KindGateway, gone)
	for _, c := range candidates {
		if c.rest != nil {
			i.DestinationRules = append(i.DestinationRules, c.rest)
		}
		if c.kept != nil {
			i.Gateways = append(i.Gateways, c.kept)
		}
	}
	return i
}

func without[T metav1.Object](objects []T, kind string, gone sets.Set[model.ObjectRef]) []T {
	return slices.DeleteFunc(slices.Clone(objects), func(o T) bool { return gone.Has(refOf(kind, o)) })
}

func in[T metav1.Object](all []T, namespace string) []T {
	return slices.DeleteFunc(slices.Clone(all), func(o T) bool { return o.GetNamespace() != namespace })
}

// rendered returns the objects that the operator writes.
func (p *projection) rendered() model.Objects {
	return model.Objects{
		PeerAuthentications: ours(p.PeerAuthentications), DestinationRules: ours(p.DestinationRules), Gateways: ours(p.Gateways),
	}
}

func ours[T metav1.Object](all []T) []T {
	return slices.DeleteFunc(slices.Clone(all), func(o T) bool { return !model.Ours(o) })
}

// attribute notes which candidates are behind which objects.
func (p *projection) attribute(candidates []*candidate) {
	byPolicy := map[types.NamespacedName]*candidate{}
	for _, c := range candidates {
		byPolicy[keyOf(c)] = c
		for _, ref := range c.from {
			p.behind[ref] = append(p.behind[ref], c)
		}
		if c.rest != nil {
			p.behind[refOf(model.KindDestinationRule, c.rest)] = []*candidate{c}
		}
	}
	for _, o := range p.rendered().All() {
		at := refOf(o.GetObjectKind().GroupVersionKind().Kind, o)
		for _, owner := range o.GetOwnerReferences() {
			if c, imported := byPolicy[types.NamespacedName{Namespace: o.GetNamespace(), Name: owner.Name}]; imported {
				p.behind[at] = append(p.behind[at], c)
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
func (p *projection) seen(revision string, as order) *mesh.View {
	i := p.Inventory
	i.PeerAuthentications = reordered(i.PeerAuthentications, as, (*istiosecurityv1.PeerAuthentication).DeepCopy)
	i.DestinationRules = reordered(i.DestinationRules, as, (*istionetworkingv1.DestinationRule).DeepCopy)
	i.Gateways = reordered(i.Gateways, as, (*istionetworkingv1.Gateway).DeepCopy)
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
