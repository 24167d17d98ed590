package oracle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/compile"
	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/render"
	"github.com/meshtls/meshtls/internal/source"
	"github.com/meshtls/meshtls/internal/status"
	"github.com/meshtls/meshtls/internal/versions"
)

// Written is when the operator first wrote its objects, unless a Birth says otherwise: after everything else in a world was made.
var Written = time.Date(2026, time.June, 1, 0, 0, 0, 0, time.UTC)

// operating is how the operator gathers: it looks at the world when it writes its objects.
var operating = gather.Options{Now: metav1.NewTime(Written)}

// ErrPartial is returned where the operator, which gathers a part of the mesh for each namespace, writes something else than the whole
// mesh asks for.
var ErrPartial = errors.New("what is gathered for a namespace gives other objects than the whole mesh")

// AllAtOnce returns the birth of objects that were all written within a second.
func AllAtOnce(model.Object) metav1.Time { return metav1.NewTime(Written) }

// Operated is a world in which the operator has come to rest.
type Operated struct {
	// World is the world with what the operator wrote, and Rendered what it wrote.
	World, Rendered World
	// Results are those of the operator at rest, one for each namespace with policies.
	Results []model.Result
}

// Operate runs the operator over a world until it comes to rest. What the world already has of the operator's is live: it keeps its
// age, and goes if it is not wanted.
func Operate(ctx context.Context, world World, born compile.Birth) (Operated, error) {
	settled, err := settle(ctx, world, born)
	if err != nil {
		return Operated{}, err
	}
	var operated Operated
	if operated.Rendered, err = renderedIn(settled); err != nil {
		return Operated{}, err
	}
	operated.World = world.Without(isOurs).With(operated.Rendered...)
	if operated.Results, err = compileAll(ctx, operated.World); err != nil {
		return Operated{}, err
	}
	return operated, sameAs(settled, operated.Results)
}

func settle(ctx context.Context, world World, born compile.Birth) (compile.Settled, error) {
	reader, err := world.Read(ctx)
	if err != nil {
		return compile.Settled{}, err
	}
	inventory, err := gather.Inventory(ctx, reader, Written, operating)
	if err != nil {
		return compile.Settled{}, err
	}
	policies, err := gather.Policies(ctx, reader)
	if err != nil {
		return compile.Settled{}, err
	}
	return compile.SettleBorn(inventory, policies, born)
}

// isOurs reports whether an object is one that the operator wrote.
func isOurs(o *unstructured.Unstructured) bool {
	return OfKind(model.KindPeerAuthentication, model.KindDestinationRule, model.KindGateway)(o) &&
		o.GetLabels()[meshtlsv1alpha1.LabelManagedBy] == meshtlsv1alpha1.ManagedBy
}

// renderedIn returns what the operator has written, as it would be sent, with the age that it has.
func renderedIn(settled compile.Settled) (World, error) {
	var rendered World
	for _, object := range (model.Objects{
		PeerAuthentications: settled.Inventory.PeerAuthentications,
		DestinationRules:    settled.Inventory.DestinationRules,
		Gateways:            settled.Inventory.Gateways,
	}).All() {
		if !model.Ours(object) {
			continue
		}
		content, err := render.Encode(object)
		if err != nil {
			return nil, err
		}
		encoded := &unstructured.Unstructured{Object: content}
		encoded.SetCreationTimestamp(object.GetCreationTimestamp())
		rendered = append(rendered, encoded)
	}
	return rendered, nil
}

// sameAs compares what the operator renders of the parts that it gathers with what the whole mesh asks for. A namespace whose revision has
// a mesh config of its own is left out: an inventory holds one config.
func sameAs(settled compile.Settled, results []model.Result) error {
	if len(settled.Namespaces) != len(results) {
		return fmt.Errorf("%w: %d namespaces, and not %d", ErrPartial, len(results), len(settled.Namespaces))
	}
	for i, result := range results {
		if !equality.Semantic.DeepEqual(result.Mesh, settled.Inventory.Mesh) {
			continue
		}
		whole, err := render.YAML(settled.Namespaces[i].Objects)
		if err != nil {
			return err
		}
		part, err := render.YAML(result.Objects)
		if err != nil {
			return err
		}
		if !bytes.Equal(whole, part) {
			return fmt.Errorf("%w: namespace %s: the whole gives\n%s\nthe part\n%s", ErrPartial, result.Namespace, whole, part)
		}
	}
	return nil
}

// Status returns what the operator says of a policy while nothing goes wrong in writing.
func (o Operated) Status(policy types.NamespacedName) (meshtlsv1alpha1.MeshTLSPolicyStatus, bool) {
	for _, result := range o.Results {
		for _, outcome := range result.Policies {
			if outcome.Policy == policy {
				return status.Of(outcome, result.Mesh, nil), true
			}
		}
	}
	return meshtlsv1alpha1.MeshTLSPolicyStatus{}, false
}

// Read makes the world readable as a cluster is. In that of an older Istio, the webhooks of its injectors tell the version.
func (w World) Read(ctx context.Context) (*source.Reader, error) {
	stream, err := w.With(injectors()...).YAML()
	if err != nil {
		return nil, err
	}
	reader, err := source.Read(ctx, []string{source.Stdin}, source.Options{Stdin: bytes.NewReader(stream)})
	if err != nil {
		return nil, fmt.Errorf("reading the world: %w", err)
	}
	return reader, nil
}

// injectors are the webhooks that tell the version of each control plane in the worlds. What does not tell it is taken for the newest.
func injectors() World {
	if IsNewest() {
		return nil
	}
	var all World
	for _, revision := range []string{"default", "canary"} {
		webhook := &unstructured.Unstructured{}
		webhook.SetAPIVersion("admissionregistration.k8s.io/v1")
		webhook.SetKind(model.KindMutatingWebhook)
		webhook.SetName("conformance-injector-" + revision)
		webhook.SetLabels(map[string]string{meshtlsv1alpha1.LabelRevision: revision, versions.LabelVersion: Version() + ".0"})
		all = append(all, webhook)
	}
	return all
}

func compileAll(ctx context.Context, world World) ([]model.Result, error) {
	reader, err := world.Read(ctx)
	if err != nil {
		return nil, err
	}
	snapshots, err := gather.Snapshots(ctx, reader, operating)
	if err != nil {
		return nil, err
	}
	results := make([]model.Result, 0, len(snapshots))
	for _, snapshot := range snapshots {
		results = append(results, compile.Compile(snapshot))
	}
	return results, nil
}
