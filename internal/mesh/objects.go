package mesh

import (
	"iter"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/revisions"
	"github.com/meshtls/meshtls/internal/model"
)

// Revisions returns the control plane revisions that Istio objects of the inventory name, and the default one. A tag is none.
func Revisions(i model.Inventory) []string {
	known := revisions.New(i.Tags)
	all := sets.New(known.Of(""))
	for o := range Objects(i) {
		name := o.GetLabels()[meshtlsv1alpha1.LabelRevision]
		if _, isTag := known.Tag(name); !isTag {
			all.Insert(known.Of(name))
		}
	}
	return sets.List(all)
}

// Revisions returns the revisions of the control plane that are known.
func (v *contents) Revisions() revisions.Revisions {
	v.note(model.KindMutatingWebhook, model.KindService)
	return v.index.revisions()
}

// Tagged is an Istio object that names a tag where objects name a revision: no control plane reads it.
type Tagged struct {
	Object model.ObjectRef
	// Tag is what it names, Revision what that stands for, and By the object that says so.
	Tag, Revision string
	By            model.ObjectRef
}

// taggedIn returns the objects that name a tag, by kind, namespace and name.
// Source: istio pkg/config/model.go, LabelsInRevision.
func taggedIn(i model.Inventory) []Tagged {
	if len(i.Tags) == 0 {
		return nil
	}
	known := revisions.New(i.Tags)
	var all []Tagged
	for o, kind := range Objects(i) {
		name := o.GetLabels()[meshtlsv1alpha1.LabelRevision]
		if by, isTag := known.Tag(name); isTag {
			all = append(all, Tagged{Object: model.RefOf(kind, o), Tag: name, Revision: known.Label(name), By: by})
		}
	}
	return all
}

// Tagged returns the Istio objects of the mesh that name a tag.
func (v *contents) Tagged() []Tagged {
	v.note(model.KindMutatingWebhook)
	for _, t := range v.tagged {
		v.note(t.Object.Kind)
	}
	return v.tagged
}

// Objects returns the Istio objects of all kinds, each with its kind.
func Objects(i model.Inventory) iter.Seq2[metav1.Object, string] {
	return func(yield func(metav1.Object, string) bool) {
		_ = each(i.PeerAuthentications, model.KindPeerAuthentication, yield) &&
			each(i.DestinationRules, model.KindDestinationRule, yield) &&
			each(i.Gateways, model.KindGateway, yield) &&
			each(i.VirtualServices, model.KindVirtualService, yield) &&
			each(i.ServiceEntries, model.KindServiceEntry, yield) &&
			each(i.WorkloadEntries, model.KindWorkloadEntry, yield) &&
			each(i.Sidecars, model.KindSidecar, yield) &&
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

// Inventory returns what the view holds.
func (v *contents) Inventory() model.Inventory { return v.inventory }
