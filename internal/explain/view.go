package explain

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// view is the view of one control plane, with the policies behind the operator's objects.
type view struct {
	*mesh.View
	// policies are the names of the MeshTLSPolicies that the operator writes an object for, in the object's namespace.
	policies map[model.ObjectRef][]string
}

func newView(i model.Inventory, revision string) *view { return withPolicies(mesh.New(i, revision)) }

func withPolicies(of *mesh.View) *view {
	v := &view{View: of, policies: map[model.ObjectRef][]string{}}
	notePolicies(v, model.KindPeerAuthentication, v.PeerAuthentications())
	notePolicies(v, model.KindDestinationRule, v.DestinationRules())
	notePolicies(v, model.KindGateway, v.Gateways())
	return v
}

// notePolicies records which policies own the operator's objects.
func notePolicies[T metav1.Object](v *view, kind string, objects []T) {
	for _, o := range objects {
		if !model.Ours(o) {
			continue
		}
		ref := model.RefOf(kind, o)
		for _, owner := range o.GetOwnerReferences() {
			if owner.Kind == model.KindPolicy {
				v.policies[ref] = append(v.policies[ref], owner.Name)
			}
		}
		slices.Sort(v.policies[ref])
	}
}

// origin returns an origin of the model of Istio with its policies.
func (v *view) origin(o istio.Origin) Origin {
	return Origin{ObjectRef: o.Object, Field: o.Field, Policies: v.policies[o.Object]}
}

func (v *view) ignored(ref model.ObjectRef, why string) Ignored {
	return Ignored{ObjectRef: ref, Policies: v.policies[ref], Why: why}
}
