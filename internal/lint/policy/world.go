package policy

import (
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/revisions"
	"github.com/meshtls/meshtls/internal/lint"
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
	Namespace
	subjects []subject
	// views are the mesh once what is rendered is written, one for each revision.
	views []view
	// seen are the hosts that the namespace's clients see, and hosts the first of each name.
	seen      []model.Host
	hosts     map[string]model.Host
	sentHosts []sentHost
	// foreignSelecting and clientsElsewhere tell which clients have rules of their own, besides ours.
	foreignSelecting bool
	clientsElsewhere []clients
}

// subject is a policy with what becomes of it.
type subject struct {
	policy  *meshtlsv1alpha1.MeshTLSPolicy
	outcome model.Outcome
}

// view is the mesh as one control plane sees it, with the rendered objects that it reads, by reference.
type view struct {
	*mesh.View
	peerAuthentications map[model.ObjectRef]*istiosecurityv1.PeerAuthentication
	destinationRules    map[model.ObjectRef]*istionetworkingv1.DestinationRule
	gateways            map[model.ObjectRef]*istionetworkingv1.Gateway
}

func newWorld(n Namespace, views []*mesh.View) world {
	w := world{Namespace: n, subjects: subjectsOf(n)}
	for _, v := range views {
		w.views = append(w.views, newView(v, n.Snapshot.Namespace))
	}
	index := w.mesh().Destinations()
	w.seen, w.hosts = index.SeenBy(n.Snapshot.Namespace), index.KnownTo(n.Snapshot.Namespace)
	w.sentHosts = sentHostsOf(w)
	w.foreignSelecting, w.clientsElsewhere = foreignSelecting(n.Snapshot), clientsElsewhere(n.Snapshot)
	return w
}

func newView(v *mesh.View, namespace string) view {
	return view{
		View:                v,
		peerAuthentications: renderedIn(namespace, model.KindPeerAuthentication, v.PeerAuthentications()),
		destinationRules:    renderedIn(namespace, model.KindDestinationRule, v.DestinationRules()),
		gateways:            renderedIn(namespace, model.KindGateway, v.Gateways()),
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

func subjectsOf(n Namespace) []subject {
	policies := make(map[types.NamespacedName]*meshtlsv1alpha1.MeshTLSPolicy, len(n.Snapshot.Policies))
	for _, p := range n.Snapshot.Policies {
		policies[types.NamespacedName{Namespace: p.Namespace, Name: p.Name}] = p
	}
	subjects := make([]subject, 0, len(n.Plan.Policies))
	for _, o := range n.Plan.Policies {
		subjects = append(subjects, subject{policy: policies[o.Policy], outcome: o})
	}
	return subjects
}

// mesh returns a view for questions whose answer does not depend on the revision: about pods, Services and hosts.
func (w world) mesh() *mesh.View { return w.views[0].View }

// selected returns the namespace's pods with the labels; no labels: all of them.
func (w world) selected(labels map[string]string) []model.Workload {
	return w.mesh().Selected(w.Snapshot.Namespace, labels)
}

// targetPods returns the pods whose TLS the policy governs.
func (w world) targetPods(s subject) []model.Workload {
	if s.policy.Spec.Gateway != nil {
		return w.mesh().GatewayPods(s.outcome.Selector)
	}
	return w.selected(s.outcome.Selector)
}

// declared returns the destinations that a host of a send means: itself, or those that its wildcard covers, or one that covers it.
func (w world) declared(host string) []model.Host {
	if h, ok := w.hosts[host]; ok {
		return []model.Host{h}
	}
	if hosts.IsWildcard(host) {
		return slices.DeleteFunc(slices.Clone(w.seen), func(h model.Host) bool { return !hosts.Covers(host, h.Name) })
	}
	for _, wildcard := range hosts.Wildcards(host) {
		if h, ok := w.hosts[wildcard]; ok {
			return []model.Host{h}
		}
	}
	return nil
}

// judges reports whether the view is the one to judge a rendered object. An object without a revision is read by every control plane;
// the default one's view judges it.
func (v view) judges(o metav1.Object) bool {
	return o.GetLabels()[meshtlsv1alpha1.LabelRevision] == v.Revision()
}

// about begins a finding about the policy; the caller adds the words.
func (s subject) about(severity lint.Severity, field string) model.Finding {
	return model.Finding{Severity: severity, Subject: model.PolicyRef(s.outcome.Policy), Field: field}
}
