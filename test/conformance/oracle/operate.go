package oracle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
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
)

// Written is when the operator first wrote its objects, unless a Birth says otherwise: after everything else in a world was made.
var Written = time.Date(2026, time.June, 1, 0, 0, 0, 0, time.UTC)

// settledAfter is how many passes the operator has to come to rest. One namespace's objects can be another's base, so that a
// second pass may still change something.
const settledAfter = 5

// ErrRestless: the operator still changes something after several passes.
var ErrRestless = errors.New("the operator does not come to rest")

// Birth says when the operator first wrote an object. Age decides among objects of one kind, to Istio and so to the operator.
type Birth func(*unstructured.Unstructured) time.Time

// AllAtOnce is the Birth of objects that were all written within a second.
func AllAtOnce(*unstructured.Unstructured) time.Time { return Written }

// Operated is a world in which the operator has come to rest.
type Operated struct {
	// World is the world with what the operator wrote, and Rendered what it wrote.
	World, Rendered World
	// Results are those of the last pass, one for each namespace with policies.
	Results []model.Result
	// Passes is how many passes changed something.
	Passes int
}

// Operate runs the operator over a world, as its reconciles would: pass after pass over every namespace with policies, until a
// pass changes nothing. What the world already has of the operator's is live: it keeps its age, and goes if it is not wanted.
func Operate(ctx context.Context, world World, born Birth) (Operated, error) {
	rest := world.Without(isOurs)
	operated := Operated{World: world, Rendered: world.Without(func(o *unstructured.Unstructured) bool { return !isOurs(o) })}
	for operated.Passes = range settledAfter {
		results, err := compileAll(ctx, operated.World)
		if err != nil {
			return Operated{}, err
		}
		rendered, err := renderedBy(results)
		if err != nil {
			return Operated{}, err
		}
		operated.Results = results
		if equal(rendered, operated.Rendered) {
			return operated, nil
		}
		for _, object := range rendered {
			object.SetCreationTimestamp(ageOf(object, world, born))
		}
		operated.Rendered, operated.World = rendered, rest.With(rendered...)
	}
	return operated, ErrRestless
}

// isOurs says whether an object is one that the operator wrote.
func isOurs(o *unstructured.Unstructured) bool {
	return OfKind(model.KindPeerAuthentication, model.KindDestinationRule, model.KindGateway)(o) &&
		o.GetLabels()[meshtlsv1alpha1.LabelManagedBy] == meshtlsv1alpha1.ManagedBy
}

// ageOf is that of the object in the world, else when it is born.
func ageOf(object *unstructured.Unstructured, world World, born Birth) metav1.Time {
	for _, live := range world {
		if live.GetKind() == object.GetKind() && live.GetNamespace() == object.GetNamespace() && live.GetName() == object.GetName() {
			return live.GetCreationTimestamp()
		}
	}
	return metav1.NewTime(born(object))
}

// Status is what the operator says of a policy while nothing goes wrong in writing.
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

// Read makes the world readable as a cluster is.
func (w World) Read(ctx context.Context) (*source.Reader, error) {
	stream, err := w.YAML()
	if err != nil {
		return nil, err
	}
	reader, err := source.Read(ctx, []string{source.Stdin}, source.Options{Stdin: bytes.NewReader(stream)})
	if err != nil {
		return nil, fmt.Errorf("reading the world: %w", err)
	}
	return reader, nil
}

func compileAll(ctx context.Context, world World) ([]model.Result, error) {
	reader, err := world.Read(ctx)
	if err != nil {
		return nil, err
	}
	snapshots, err := gather.Snapshots(ctx, reader, gather.Options{})
	if err != nil {
		return nil, err
	}
	results := make([]model.Result, 0, len(snapshots))
	for _, snapshot := range snapshots {
		results = append(results, compile.Compile(snapshot))
	}
	return results, nil
}

// renderedBy is what the results have to be written, as it would be sent.
func renderedBy(results []model.Result) (World, error) {
	var rendered World
	for _, result := range results {
		for _, object := range result.Objects.All() {
			content, err := render.Encode(object)
			if err != nil {
				return nil, err
			}
			rendered = append(rendered, &unstructured.Unstructured{Object: content})
		}
	}
	return rendered, nil
}

// equal says whether two renderings write the same, apart from when they were written.
func equal(a, b World) bool {
	return len(a) == len(b) && slices.EqualFunc(a, b, func(x, y *unstructured.Unstructured) bool {
		return equality.Semantic.DeepEqual(undated(x), undated(y))
	})
}

func undated(o *unstructured.Unstructured) map[string]any {
	copied := o.DeepCopy()
	copied.SetCreationTimestamp(metav1.Time{})
	return copied.Object
}
