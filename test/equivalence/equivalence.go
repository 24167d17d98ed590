package equivalence

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/sets"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/importer"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/render"
	"github.com/meshtls/meshtls/internal/source"
	"github.com/meshtls/meshtls/internal/translate"
)

// passes is how often the operator goes over all namespaces: what it writes in one bears on another.
const passes = 4

// Imported is what came of a world.
type Imported struct {
	importer.Result
	// Before and After are the two worlds as manifests, with what the operator wrote.
	Before, After []byte
	// Differences are what Istio does differently after the import; none: the effect is the same.
	Differences []string
}

// Import imports a world, given as manifests, and compares the effect.
func Import(ctx context.Context, stream []byte) (Imported, error) {
	world, err := parse(stream)
	if err != nil {
		return Imported{}, err
	}
	got := Imported{}
	if got.Result, err = imported(ctx, world); err != nil {
		return Imported{}, err
	}
	changed, err := world.applied(got.Result)
	if err != nil {
		return Imported{}, err
	}
	var was, is model.Inventory
	if got.Before, was, err = operated(ctx, world); err != nil {
		return Imported{}, fmt.Errorf("before the import: %w", err)
	}
	if got.After, is, err = operated(ctx, changed); err != nil {
		return Imported{}, fmt.Errorf("after the import: %w", err)
	}
	got.Differences = Differences(was, is)
	return got, nil
}

func imported(ctx context.Context, world documents) (importer.Result, error) {
	reader, err := world.read(ctx)
	if err != nil {
		return importer.Result{}, err
	}
	mesh, err := gather.Inventory(ctx, reader, time.Time{}, gather.Options{})
	if err != nil {
		return importer.Result{}, err
	}
	var policies meshtlsv1alpha1.MeshTLSPolicyList
	if err := reader.List(ctx, &policies); err != nil {
		return importer.Result{}, err
	}
	input := importer.Input{Mesh: mesh, Admit: func(p *meshtlsv1alpha1.MeshTLSPolicy) error { return source.Admit(ctx, p) }}
	for i := range policies.Items {
		input.Policies = append(input.Policies, &policies.Items[i])
	}
	return importer.Policies(input), nil
}

// operated is the world once the operator has written what its policies come to.
func operated(ctx context.Context, world documents) ([]byte, model.Inventory, error) {
	live := world
	for range passes {
		reader, err := live.read(ctx)
		if err != nil {
			return nil, model.Inventory{}, err
		}
		objects, err := compiled(ctx, reader)
		if err != nil {
			return nil, model.Inventory{}, err
		}
		live = world.foreign()
		for _, o := range objects.All() {
			document, err := render.Encode(o)
			if err != nil {
				return nil, model.Inventory{}, err
			}
			live = append(live, world.aged(document))
		}
	}
	stream, err := live.stream()
	if err != nil {
		return nil, model.Inventory{}, err
	}
	reader, err := live.read(ctx)
	if err != nil {
		return nil, model.Inventory{}, err
	}
	inventory, err := gather.Inventory(ctx, reader, time.Time{}, gather.Options{})
	return stream, inventory, err
}

// compiled is what the operator writes for all namespaces.
func compiled(ctx context.Context, reader *source.Reader) (model.Objects, error) {
	var policies meshtlsv1alpha1.MeshTLSPolicyList
	if err := reader.List(ctx, &policies); err != nil {
		return model.Objects{}, err
	}
	namespaces := sets.New[string]()
	for i := range policies.Items {
		namespaces.Insert(policies.Items[i].Namespace)
	}
	var all model.Objects
	for _, namespace := range sets.List(namespaces) {
		snapshot, err := gather.Snapshot(ctx, reader, namespace, gather.Options{})
		if err != nil {
			return model.Objects{}, err
		}
		rendered := render.Objects(translate.Plan(snapshot))
		all.PeerAuthentications = append(all.PeerAuthentications, rendered.PeerAuthentications...)
		all.DestinationRules = append(all.DestinationRules, rendered.DestinationRules...)
		all.Gateways = append(all.Gateways, rendered.Gateways...)
	}
	return all, nil
}
