package compile

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/lint/all"
	"github.com/meshtls/meshtls/internal/lint/policy"
	"github.com/meshtls/meshtls/internal/model"
)

// Lint returns what there is to say about a mesh once the objects of its policies are written: about the policies, with all that lint
// finds in their objects, and about foreign objects. The snapshots are those of the namespaces that have policies.
//
// A compile sees one namespace with what it depends on; lint sees the whole mesh here, so it is asked once, about that.
func Lint(i model.Inventory, snapshots []model.Snapshot) model.Review {
	namespaces := renderAll(snapshots)
	i = withRendered(i, namespaces, unborn)
	found, others := split(all.Findings(i), presentIn(i, namespaces))
	review := model.Review{Findings: others}
	for _, n := range namespaces {
		findings := policy.Findings(n.Namespace, n.views())
		inObjects := policy.Attributed(n.Namespace, found[n.Snapshot.Namespace])
		review.Results = append(review.Results, n.result(append(findings, inObjects...)))
	}
	return review
}

// split sorts the findings into those about the rendered objects, by namespace, and the others.
func split(findings []model.Finding, rendered sets.Set[model.ObjectRef]) (ours map[string][]model.Finding, others []model.Finding) {
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

// presentIn returns the rendered objects that the inventory holds: those whose name no foreign object has taken.
func presentIn(i model.Inventory, namespaces []Namespace) sets.Set[model.ObjectRef] {
	rendered := sets.New[model.ObjectRef]()
	for _, n := range namespaces {
		insertOurs(rendered, n.Objects)
	}
	ours := sets.New[model.ObjectRef]()
	insertOurs(ours, objectsOf(i))
	return ours.Intersection(rendered)
}

func insertOurs(refs sets.Set[model.ObjectRef], objects model.Objects) {
	insertOursOf(refs, model.KindPeerAuthentication, objects.PeerAuthentications)
	insertOursOf(refs, model.KindDestinationRule, objects.DestinationRules)
	insertOursOf(refs, model.KindGateway, objects.Gateways)
}

func insertOursOf[T metav1.Object](refs sets.Set[model.ObjectRef], kind string, objects []T) {
	for _, o := range objects {
		if model.Ours(o) {
			refs.Insert(model.RefOf(kind, o))
		}
	}
}
