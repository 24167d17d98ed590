package main

import (
	"context"
	"time"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/compile"
	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/source"
)

// secretKind is the kind that users most often may not list. Only what is said about credentials depends on it.
const secretKind = model.KindSecret

// inventory returns the whole mesh, as the reader has it.
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

// snapshots returns a snapshot of each namespace that has policies.
func (s *input) snapshots(ctx context.Context, reader *source.Reader) ([]model.Snapshot, error) {
	return gather.Snapshots(ctx, reader, s.options(reader))
}

// results compile every namespace that has policies, or the one that the answer is limited to.
func (s *input) results(ctx context.Context, reader *source.Reader) ([]model.Result, error) {
	in, err := s.reach()
	if err != nil {
		return nil, err
	}
	snapshots, err := s.snapshots(ctx, reader)
	if err != nil {
		return nil, err
	}
	var results []model.Result
	for i := range snapshots {
		if in.has(snapshots[i].Namespace) {
			snapshots[i].Policies = atStage(snapshots[i].Policies, s.stage)
			results = append(results, compile.Compile(snapshots[i]))
		}
	}
	return results, nil
}

// atStage returns the policies with their rollouts at the first or the last stage; any other word stands for the one that they are at.
func atStage(policies []*meshtlsv1alpha1.MeshTLSPolicy, stage string) []*meshtlsv1alpha1.MeshTLSPolicy {
	var staged []*meshtlsv1alpha1.MeshTLSPolicy
	for _, p := range policies {
		if stage == stageFirst || stage == stageLast {
			p = p.DeepCopy()
			p.Status.Rollout = nil
		}
		if stage == stageLast {
			p.Status.Rollout = &meshtlsv1alpha1.RolloutStatus{Phase: meshtlsv1alpha1.RolloutCompleted, Mode: meshtlsv1alpha1.AcceptStrict}
		}
		staged = append(staged, p)
	}
	return staged
}
