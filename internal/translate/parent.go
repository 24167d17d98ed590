package translate

import (
	securityapi "istio.io/api/security/v1beta1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/model"
)

// parents say what the namespace as a whole accepts: by its own PeerAuthentication, planned or foreign, else by the mesh's.
type parents struct {
	snapshot model.Snapshot
	planned  []model.AcceptRule
	known    map[string]meshtlsv1alpha1.AcceptMode
}

func newParents(s model.Snapshot, planned []model.AcceptRule) parents {
	return parents{snapshot: s, planned: planned, known: map[string]meshtlsv1alpha1.AcceptMode{}}
}

// mode is what a workload of which nothing is said accepts, as the control plane of the revision has it.
func (p parents) mode(revision string) meshtlsv1alpha1.AcceptMode {
	if mode, known := p.known[revision]; known {
		return mode
	}
	anybody := model.Workload{Namespace: p.snapshot.Namespace, Dataplane: model.DataplaneSidecar}
	world := istio.World{Mesh: p.snapshot.Mesh, PeerAuthentications: p.read(revision)}
	p.known[revision] = istio.New(world).Accept(anybody).Workload.Mode
	return p.known[revision]
}

// read are the PeerAuthentications of whole namespaces, with what is planned in place of what is live of ours.
func (p parents) read(revision string) []*istiosecurityv1.PeerAuthentication {
	var read []*istiosecurityv1.PeerAuthentication
	for _, pa := range p.snapshot.PeerAuthentications {
		replaced := model.Ours(pa) && pa.Namespace == p.snapshot.Namespace
		if !replaced && pa.Spec.GetSelector() == nil && model.InRevision(pa, revision) {
			read = append(read, pa)
		}
	}
	for _, rule := range p.planned {
		if len(rule.Selector) == 0 && (rule.Revision == "" || rule.Revision == revision) {
			read = append(read, p.asObject(rule))
		}
	}
	return read
}

// asObject is a planned rule of the namespace, as old as the live object that it will update: age is priority in Istio.
func (p parents) asObject(rule model.AcceptRule) *istiosecurityv1.PeerAuthentication {
	pa := &istiosecurityv1.PeerAuthentication{ObjectMeta: metav1.ObjectMeta{
		Namespace: p.snapshot.Namespace, Name: "planned", CreationTimestamp: istio.Unborn,
	}}
	pa.Spec.Mtls = &securityapi.PeerAuthentication_MutualTLS{Mode: istioModes[rule.Mode]}
	for _, live := range p.snapshot.Live().PeerAuthentications {
		if model.Ours(live) && live.Spec.GetSelector() == nil && live.Labels[meshtlsv1alpha1.LabelRevision] == rule.Revision {
			pa.Name, pa.CreationTimestamp = live.Name, live.CreationTimestamp
		}
	}
	return pa
}

var istioModes = map[meshtlsv1alpha1.AcceptMode]securityapi.PeerAuthentication_MutualTLS_Mode{
	meshtlsv1alpha1.AcceptStrict:     securityapi.PeerAuthentication_MutualTLS_STRICT,
	meshtlsv1alpha1.AcceptPermissive: securityapi.PeerAuthentication_MutualTLS_PERMISSIVE,
	meshtlsv1alpha1.AcceptDisable:    securityapi.PeerAuthentication_MutualTLS_DISABLE,
}
