package compile

import (
	"errors"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// mostRounds is how often Settle compiles all namespaces. Three rounds are the most that any known world needs: a DestinationRule for
// the clients of one namespace starts from that of the host's namespace, and that one from the root namespace's.
const mostRounds = 16

// ErrRestless is returned where the operator would write without end.
var ErrRestless = errors.New("the objects of some policies change without end")

// Settled is a mesh in which the operator has come to rest.
type Settled struct {
	// Inventory is the mesh with what the operator has written.
	Inventory model.Inventory
	// Namespaces are those that have policies, by name, as they were compiled last.
	Namespaces []Namespace
	// Rounds is how many rounds over all namespaces wrote something.
	Rounds int
}

// Settle compiles all namespaces that have policies, again and again, until a round changes nothing: one namespace's objects bear on
// another's. The inventory is the whole mesh; the operator's objects in it are live, keep their age, and go where nothing asks for them.
func Settle(i model.Inventory, policies []*meshtlsv1alpha1.MeshTLSPolicy) (Settled, error) {
	return SettleBorn(i, policies, unborn)
}

// SettleBorn is Settle with creation times for the objects that the operator creates.
func SettleBorn(i model.Inventory, policies []*meshtlsv1alpha1.MeshTLSPolicy, born Birth) (Settled, error) {
	byNamespace := map[string][]*meshtlsv1alpha1.MeshTLSPolicy{}
	for _, p := range policies {
		byNamespace[p.Namespace] = append(byNamespace[p.Namespace], p)
	}
	settled, views := Settled{Inventory: i}, mesh.NewViews(i)
	for settled.Rounds = range mostRounds {
		settled.Namespaces = settled.render(byNamespace, views.With(objectsOf(settled.Inventory)))
		after := withRendered(i, settled.Namespaces, born)
		if sameObjects(settled.Inventory, after) {
			return settled, nil
		}
		settled.Inventory = after
	}
	return settled, ErrRestless
}

// render plans and renders the namespaces that have policies, by name. They share the inventory and its views.
func (s Settled) render(policies map[string][]*meshtlsv1alpha1.MeshTLSPolicy, views *mesh.Views) []Namespace {
	namespaces := make([]Namespace, 0, len(policies))
	for _, namespace := range slices.Sorted(maps.Keys(policies)) {
		snapshot := model.Snapshot{Namespace: namespace, Policies: policies[namespace], Inventory: s.Inventory}
		if namespace != s.Inventory.Mesh.RootNamespace {
			snapshot.RootPolicies = policies[s.Inventory.Mesh.RootNamespace]
		}
		namespaces = append(namespaces, renderNamespace(snapshot, views))
	}
	return namespaces
}

// Results returns what there is to say about the policies of each namespace.
func (s Settled) Results() []model.Result {
	results := make([]model.Result, len(s.Namespaces))
	for i, n := range s.Namespaces {
		results[i] = n.Result()
	}
	return results
}

// Outcomes returns what became of each policy, without what checks find.
func (s Settled) Outcomes() map[types.NamespacedName]model.Outcome {
	outcomes := map[types.NamespacedName]model.Outcome{}
	for _, n := range s.Namespaces {
		for _, o := range n.Plan.Policies {
			outcomes[o.Policy] = o
		}
	}
	return outcomes
}

// sameObjects reports whether two inventories hold the same objects of the kinds that are rendered.
func sameObjects(a, b model.Inventory) bool {
	return slices.EqualFunc(a.PeerAuthentications, b.PeerAuthentications, func(a, b *istiosecurityv1.PeerAuthentication) bool {
		return a == b || sameMeta(a, b) && proto.Equal(&a.Spec, &b.Spec)
	}) && slices.EqualFunc(a.DestinationRules, b.DestinationRules, func(a, b *istionetworkingv1.DestinationRule) bool {
		return a == b || sameMeta(a, b) && proto.Equal(&a.Spec, &b.Spec)
	}) && slices.EqualFunc(a.Gateways, b.Gateways, func(a, b *istionetworkingv1.Gateway) bool {
		return a == b || sameMeta(a, b) && proto.Equal(&a.Spec, &b.Spec)
	})
}

func sameMeta(a, b metav1.Object) bool {
	return nameOf(a) == nameOf(b) && maps.Equal(a.GetLabels(), b.GetLabels())
}
