package equivalence

import (
	"context"
	"fmt"
	"slices"
	"time"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/compile"
	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/importer"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/source"
)

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
	policies, err := gather.Policies(ctx, reader)
	if err != nil {
		return importer.Result{}, err
	}
	return importer.Policies(importer.Input{
		Mesh: mesh, Policies: policies, Admit: func(p *meshtlsv1alpha1.MeshTLSPolicy) error { return source.Admit(ctx, p) },
	})
}

// operated returns the world once the operator has written what its policies ask for.
func operated(ctx context.Context, world documents) ([]byte, model.Inventory, error) {
	reader, err := world.read(ctx)
	if err != nil {
		return nil, model.Inventory{}, err
	}
	inventory, err := settled(ctx, reader)
	if err != nil {
		return nil, model.Inventory{}, err
	}
	stream, err := world.with(written(inventory))
	return stream, inventory, err
}

// settled returns the mesh in which the operator has come to rest.
func settled(ctx context.Context, reader *source.Reader) (model.Inventory, error) {
	inventory, err := gather.Inventory(ctx, reader, time.Time{}, gather.Options{})
	if err != nil {
		return model.Inventory{}, err
	}
	policies, err := gather.Policies(ctx, reader)
	if err != nil {
		return model.Inventory{}, err
	}
	settled, err := compile.Settle(inventory, policies)
	return settled.Inventory, err
}

// written returns the operator's objects in the inventory.
func written(i model.Inventory) []model.Object {
	all := (model.Objects{
		PeerAuthentications: i.PeerAuthentications, DestinationRules: i.DestinationRules, Gateways: i.Gateways,
	}).All()
	return slices.DeleteFunc(all, func(o model.Object) bool { return !model.Ours(o) })
}
