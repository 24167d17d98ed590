package main

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/internal/compile"
	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/source"
)

// settle puts into the reader what the operator would write, as a cluster has it some time after the policies were applied.
func (s *input) settle(ctx context.Context, reader *source.Reader) error {
	before, err := s.inventory(ctx, reader)
	if err != nil {
		return err
	}
	policies, err := gather.Policies(ctx, reader)
	if err != nil {
		return err
	}
	settled, err := compile.Settle(before, policies)
	if err != nil {
		return err
	}
	return reader.Replace(istioObjects(before), istioObjects(settled.Inventory))
}

// istioObjects returns the objects of the kinds that are rendered.
func istioObjects(i model.Inventory) []client.Object {
	var objects []client.Object
	for _, o := range i.PeerAuthentications {
		objects = append(objects, o)
	}
	for _, o := range i.DestinationRules {
		objects = append(objects, o)
	}
	for _, o := range i.Gateways {
		objects = append(objects, o)
	}
	return objects
}
