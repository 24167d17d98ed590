package main

import (
	"context"
	"time"

	"github.com/meshtls/meshtls/internal/compile"
	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/source"
)

// secretKind is the kind that users most often may not list. Only what is said about credentials depends on it.
const secretKind = model.KindSecret

// inventory is the whole mesh, as the reader has it.
func (s *input) inventory(ctx context.Context, reader *source.Reader) (model.Inventory, error) {
	inventory, err := gather.Inventory(ctx, reader, time.Now(), s.options(reader))
	if err != nil {
		return model.Inventory{}, err
	}
	for kind := range reader.Forbidden() {
		// Of what the user may not see nothing is to be concluded.
		inventory.Partial = inventory.Partial || kind != secretKind
	}
	return inventory, nil
}

// snapshots are those of all namespaces that have policies.
func (s *input) snapshots(ctx context.Context, reader *source.Reader) ([]model.Snapshot, error) {
	return gather.Snapshots(ctx, reader, s.options(reader))
}

// results compile every namespace that has policies, or the one that the answer is limited to.
func (s *input) results(ctx context.Context, reader *source.Reader) ([]model.Result, error) {
	scope, err := s.scope()
	if err != nil {
		return nil, err
	}
	snapshots, err := s.snapshots(ctx, reader)
	if err != nil {
		return nil, err
	}
	var results []model.Result
	for i := range snapshots {
		if inScope(scope, snapshots[i].Namespace) {
			results = append(results, compile.Compile(snapshots[i]))
		}
	}
	return results, nil
}

// inScope says whether the answer is about the namespace.
func inScope(scope, namespace string) bool { return scope == "" || scope == namespace }
