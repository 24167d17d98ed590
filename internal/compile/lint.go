package compile

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/lint/all"
	"github.com/meshtls/meshtls/internal/lint/policy"
	"github.com/meshtls/meshtls/internal/model"
)

// Lint is what there is to say about a mesh once what its policies ask for is written: about the policies, with all that lint finds in
// their objects, and about what everybody else wrote. The snapshots are those of the namespaces that have policies.
//
// A compile sees one namespace with what it depends on; lint sees the whole mesh here, so it is asked once, about that.
func Lint(i model.Inventory, snapshots []model.Snapshot) model.Review {
	namespaces := renderAll(snapshots)
	i = withRendered(i, namespaces)
	found, others := apart(all.Findings(i), standing(i, namespaces))
	review := model.Review{Findings: others}
	for _, n := range namespaces {
		findings := policy.Findings(n, viewsOf(n))
		review.Results = append(review.Results, resultOf(n, append(findings, policy.Attributed(n, found[n.Snapshot.Namespace])...)))
	}
	return review
}

// WithRendered is the inventory as it will be once what is rendered from the snapshots is written.
func WithRendered(i model.Inventory, snapshots []model.Snapshot) model.Inventory {
	return withRendered(i, renderAll(snapshots))
}

func renderAll(snapshots []model.Snapshot) []policy.Namespace {
	namespaces := make([]policy.Namespace, len(snapshots))
	for i, s := range snapshots {
		namespaces[i] = renderNamespace(s)
	}
	return namespaces
}

// apart sorts the findings into those about the rendered objects, by namespace, and the others.
func apart(findings []model.Finding, rendered sets.Set[model.ObjectRef]) (ours map[string][]model.Finding, others []model.Finding) {
	ours = map[string][]model.Finding{}
	for _, f := range findings {
		if rendered.Has(f.Subject) {
			ours[f.Subject.Namespace] = append(ours[f.Subject.Namespace], f)
			continue
		}
		others = append(others, f)
	}
	return ours, others
}

// standing are the rendered objects that are in the inventory: all of which the name is not taken by somebody else.
func standing(i model.Inventory, namespaces []policy.Namespace) sets.Set[model.ObjectRef] {
	ours, rendered := sets.New[model.ObjectRef](), sets.New[model.ObjectRef]()
	insertOurs(ours, model.KindPeerAuthentication, i.PeerAuthentications)
	insertOurs(ours, model.KindDestinationRule, i.DestinationRules)
	insertOurs(ours, model.KindGateway, i.Gateways)
	for _, n := range namespaces {
		insertOurs(rendered, model.KindPeerAuthentication, n.Objects.PeerAuthentications)
		insertOurs(rendered, model.KindDestinationRule, n.Objects.DestinationRules)
		insertOurs(rendered, model.KindGateway, n.Objects.Gateways)
	}
	return ours.Intersection(rendered)
}

func insertOurs[T metav1.Object](refs sets.Set[model.ObjectRef], kind string, objects []T) {
	for _, o := range objects {
		if model.Ours(o) {
			refs.Insert(model.RefOf(kind, o))
		}
	}
}

// withRendered puts what is rendered in the place of what is ours in the namespaces.
func withRendered(i model.Inventory, namespaces []policy.Namespace) model.Inventory {
	var rendered model.Objects
	for _, n := range namespaces {
		rendered.PeerAuthentications = append(rendered.PeerAuthentications, n.Objects.PeerAuthentications...)
		rendered.DestinationRules = append(rendered.DestinationRules, n.Objects.DestinationRules...)
		rendered.Gateways = append(rendered.Gateways, n.Objects.Gateways...)
	}
	planned := policy.Planned(rendered, model.Objects{
		PeerAuthentications: i.PeerAuthentications, DestinationRules: i.DestinationRules, Gateways: i.Gateways,
	})
	gone := outdatedIn(namespaces)
	i.PeerAuthentications = replaced(i.PeerAuthentications, planned.PeerAuthentications, gone)
	i.DestinationRules = replaced(i.DestinationRules, planned.DestinationRules, gone)
	i.Gateways = replaced(i.Gateways, planned.Gateways, gone)
	return i
}

// outdatedIn says which live objects will be there no more: those of ours in the namespaces, save what belongs to a policy of which
// it is not known what it needs now.
func outdatedIn(namespaces []policy.Namespace) func(metav1.Object) bool {
	compiled, unresolved := sets.New[string](), sets.New[types.UID]()
	for _, n := range namespaces {
		compiled.Insert(n.Snapshot.Namespace)
		for _, o := range n.Plan.Policies {
			if o.Unresolved {
				unresolved.Insert(o.UID)
			}
		}
	}
	return func(o metav1.Object) bool {
		kept := func(owner metav1.OwnerReference) bool { return unresolved.Has(owner.UID) }
		return model.Ours(o) && compiled.Has(o.GetNamespace()) && !slices.ContainsFunc(o.GetOwnerReferences(), kept)
	}
}

// replaced are the live objects, less those that are gone, with the planned ones. What is not ours keeps its name: the operator does not
// overwrite it.
func replaced[T metav1.Object](live, planned []T, gone func(metav1.Object) bool) []T {
	standing := map[types.NamespacedName]T{}
	for _, o := range live {
		if !gone(o) {
			standing[nameOf(o)] = o
		}
	}
	for _, o := range planned {
		if there, taken := standing[nameOf(o)]; !taken || model.Ours(there) {
			standing[nameOf(o)] = o
		}
	}
	return slices.SortedFunc(maps.Values(standing), func(a, b T) int {
		return cmp.Or(strings.Compare(a.GetNamespace(), b.GetNamespace()), strings.Compare(a.GetName(), b.GetName()))
	})
}

func nameOf(o metav1.Object) types.NamespacedName {
	return types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}
}
