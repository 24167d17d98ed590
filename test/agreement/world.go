package agreement

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/compile"
	"github.com/meshtls/meshtls/internal/explain"
	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/source"
	"github.com/meshtls/meshtls/internal/status"
)

// LookedAt is when the worlds are looked at.
var LookedAt = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

// World is a mesh in which the operator has come to rest, with what each part of the product says about it.
type World struct {
	Mesh     model.Inventory
	Policies []*meshtlsv1alpha1.MeshTLSPolicy
	// Operated are the compiles of the namespaces that have policies, each of what the operator gathers for it.
	Operated []model.Result
	// Review is what lint says.
	Review model.Review
	// Answers are what explain says about the pods.
	Answers []Answer
	views   *mesh.Views
	// snapshots are what the operator gathers for the namespaces that have policies.
	snapshots []model.Snapshot
	// calls are the connections of the answers, and findings are all that lint says.
	calls    []call
	findings []model.Finding
}

// Answer is what explain says about pods of one shape.
type Answer struct {
	Pods *model.Workload
	explain.Workload
}

// Read reads the manifests, lets the operator write until nothing changes, and asks everybody.
func Read(ctx context.Context, stream []byte) (World, error) {
	reader, err := source.Read(ctx, []string{source.Stdin}, source.Options{Stdin: bytes.NewReader(stream)})
	if reader == nil {
		return World{}, err // what is wrong in some documents of a world does not matter for the others
	}
	return Of(ctx, reader, LookedAt)
}

// Of lets the operator write into the reader until nothing changes, and asks everybody about what is in it then.
func Of(ctx context.Context, reader *source.Reader, now time.Time) (World, error) {
	w := World{}
	var err error
	if w.Policies, err = gather.Policies(ctx, reader); err != nil {
		return World{}, err
	}
	options := gather.Options{CredentialNamespaces: reader.CredentialNamespaces()}
	options.Now.Time = now
	if err := w.settle(ctx, reader, options); err != nil {
		return World{}, err
	}
	if w.snapshots, err = gather.Snapshots(ctx, reader, options); err != nil {
		return World{}, err
	}
	for _, snapshot := range w.snapshots {
		w.Operated = append(w.Operated, compile.Compile(snapshot))
	}
	err = w.hear()
	return w, err
}

// hear asks lint and explain about the mesh.
func (w *World) hear() error {
	w.views = mesh.NewViews(w.Mesh)
	w.Review = compile.Lint(w.Mesh, w.snapshots)
	w.findings = slices.Clone(w.Review.Findings)
	for _, r := range w.Review.Results {
		for _, o := range r.Policies {
			w.findings = append(w.findings, o.Findings...)
		}
	}
	w.Answers, w.calls = nil, nil
	for _, pods := range w.Mesh.Workloads {
		if err := w.ask(pods); err != nil {
			return err
		}
	}
	return nil
}

// Changed returns the world with another mesh, about which lint and explain are asked again. The operator does not see what has changed.
func (w World) Changed(change func(*model.Inventory)) (World, error) {
	change(&w.Mesh)
	err := w.hear()
	return w, err
}

// settle puts into the reader what the operator would write.
func (w *World) settle(ctx context.Context, reader *source.Reader, options gather.Options) error {
	before, err := gather.Inventory(ctx, reader, options.Now.Time, options)
	if err != nil {
		return err
	}
	settled, err := compile.Settle(before, w.Policies)
	if err != nil {
		return err
	}
	if err := reader.Replace(rendered(before), rendered(settled.Inventory)); err != nil {
		return err
	}
	w.Mesh, err = gather.Inventory(ctx, reader, options.Now.Time, options)
	return err
}

// rendered returns the objects of the kinds that the operator writes.
func rendered(i model.Inventory) []client.Object {
	var objects []client.Object
	for _, o := range (model.Objects{
		PeerAuthentications: i.PeerAuthentications, DestinationRules: i.DestinationRules, Gateways: i.Gateways,
	}).All() {
		objects = append(objects, o)
	}
	return objects
}

// ask asks explain about the pods.
func (w *World) ask(pods *model.Workload) error {
	answer, err := explain.Explain(w.Mesh, explain.Question{Target: "pod/" + pods.Example, Namespace: pods.Namespace, All: true})
	if err != nil {
		return fmt.Errorf("explaining pod %s/%s: %w", pods.Namespace, pods.Example, err)
	}
	about := Answer{Pods: pods, Workload: answer.Workloads[0]}
	w.Answers = append(w.Answers, about)
	for _, to := range about.Outbound {
		for _, end := range to.Endpoints {
			w.calls = append(w.calls, call{about, to, end})
		}
	}
	return nil
}

// Ready reports which policies the operator calls Ready.
func (w World) Ready() map[types.NamespacedName]bool {
	ready := map[types.NamespacedName]bool{}
	for _, r := range w.Operated {
		for _, o := range r.Policies {
			said := status.Of(o, r.Mesh, nil)
			ready[o.Policy] = apimeta.IsStatusConditionTrue(said.Conditions, meshtlsv1alpha1.ConditionReady)
		}
	}
	return ready
}

// view returns the mesh as the revision's control plane sees it.
func (w World) view(revision string) *mesh.View { return w.views.Of(revision) }

// destinationRule finds a DestinationRule of the mesh; one that is not there is empty.
func (w World) destinationRule(ref model.ObjectRef) *istionetworkingv1.DestinationRule {
	for _, r := range w.Mesh.DestinationRules {
		if r.Namespace == ref.Namespace && r.Name == ref.Name {
			return r
		}
	}
	return &istionetworkingv1.DestinationRule{}
}
