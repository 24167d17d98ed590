package main

import (
	"context"
	"slices"

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
	return reader.Replace(renderedObjects(before), renderedObjects(settled.Inventory))
}

// renderedObjects returns the objects of the kinds that are rendered.
func renderedObjects(i model.Inventory) []client.Object {
	return slices.Concat(asObjects(i.PeerAuthentications), asObjects(i.DestinationRules), asObjects(i.Gateways))
}

func asObjects[T client.Object](typed []T) []client.Object {
	objects := make([]client.Object, len(typed))
	for i, o := range typed {
		objects[i] = o
	}
	return objects
}
