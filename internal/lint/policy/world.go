package policy

import (
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/revisions"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// Namespace is a namespace with the plan for its policies and what is rendered of it.
type Namespace struct {
	Snapshot model.Snapshot
	Plan     model.Plan
	Objects  model.Objects
	// Written are the views of the mesh once the objects are written. Unsent are the same without any DestinationRule that the operator
	// writes in the namespace.
	Written, Unsent *mesh.Views
}

// Revisions returns the control plane revisions that the namespace's policies are for; the empty one is the default.
func (n Namespace) Revisions() []string {
	tags := revisions.New(n.Snapshot.Tags)
	var all []string
	for _, p := range n.Snapshot.Policies {
		all = append(all, tags.Label(p.Labels[meshtlsv1alpha1.LabelRevision]))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// world is what checks look at.
type world struct {
	authors
	// views are the mesh once what is rendered is written, one for each revision.
	views     []view
	hosts     knownHosts
	sentHosts []sentHost
	sent      sent
	// foreignSelecting and clientsElsewhere tell which clients have rules of their own, besides ours.
	foreignSelecting bool
	clientsElsewhere []clients
}

// view is the mesh as one control plane sees it, with the rendered objects that it reads, by reference.
type view struct {
	*mesh.View
	peerAuthentications map[model.ObjectRef]*istiosecurityv1.PeerAuthentication
	destinationRules    map[model.ObjectRef]*istionetworkingv1.DestinationRule
	gateways            map[model.ObjectRef]*istionetworkingv1.Gateway
	// ofMachines are the namespace's own destinations with machines behind them.
	ofMachines []*destinations.Destination
}

func newWorld(n Namespace, views []*mesh.View) world {
	w := world{authors: authorsOf(n)}
	for _, v := range views {
		w.views = append(w.views, newView(v, n.Snapshot.Namespace))
	}
	index := w.mesh().Destinations()
	w.hosts = knownHosts{seen: index.SeenBy(n.Snapshot.Namespace), byName: index.KnownTo(n.Snapshot.Namespace)}
	w.sentHosts, w.sent = sentHostsOf(w), newSent(n.Plan.Sends)
	w.foreignSelecting, w.clientsElsewhere = foreignSelecting(n.Snapshot), clientsElsewhere(n.Snapshot)
	return w
}

func newView(v *mesh.View, namespace string) view {
	all := v.Destinations().All()
	return view{
		View:                v,
		peerAuthentications: renderedIn(namespace, model.KindPeerAuthentication, v.PeerAuthentications()),
		destinationRules:    renderedIn(namespace, model.KindDestinationRule, v.DestinationRules()),
		gateways:            renderedIn(namespace, model.KindGateway, v.Gateways()),
		ofMachines: slices.DeleteFunc(all, func(d *destinations.Destination) bool {
			return d.Namespace != namespace || !slices.ContainsFunc(v.Machines(d), isMachine)
		}),
	}
}

func renderedIn[T metav1.Object](namespace, kind string, objects []T) map[model.ObjectRef]T {
	rendered := map[model.ObjectRef]T{}
	for _, o := range objects {
		if o.GetNamespace() == namespace && model.Ours(o) {
			rendered[model.RefOf(kind, o)] = o
		}
	}
	return rendered
}

// mesh returns a view for questions whose answer does not depend on the revision: about pods, Services and hosts.
func (w world) mesh() *mesh.View { return w.views[0].View }

// selected returns the namespace's pods with the labels; no labels: all of them.
func (w world) selected(labels map[string]string) []*model.Workload {
	return w.mesh().Selected(w.Snapshot.Namespace, labels)
}

// targetPods returns the pods whose TLS the policy governs.
func (w world) targetPods(s subject) []*model.Workload {
	if s.policy.Spec.Gateway != nil {
		return w.mesh().GatewayPods(s.outcome.Selector)
	}
	return w.selected(s.outcome.Selector)
}

// judges reports whether the view is the one to judge a rendered object. An object without a revision is read by every control plane;
// the default one's view judges it.
func (v view) judges(o metav1.Object) bool {
	return o.GetLabels()[meshtlsv1alpha1.LabelRevision] == v.Revision()
}
