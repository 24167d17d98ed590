package main

import (
	"context"
	"errors"
	"slices"

	"google.golang.org/protobuf/proto"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/internal/compile"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/source"
)

// mostRounds is more than what the operator needs until nothing changes any more: a namespace follows those that it sends to.
const mostRounds = 16

// errUnsettled would be a mistake of the operator's: it would write without end.
var errUnsettled = errors.New("what the policies come to changes without end")

// settle puts into the reader what the operator would write, as a cluster has it some time after the policies were applied. Several
// rounds may be needed: a DestinationRule for the clients of one namespace starts from the one of the service's.
func (s *input) settle(ctx context.Context, reader *source.Reader) error {
	given, err := s.inventory(ctx, reader)
	if err != nil {
		return err
	}
	before := given
	for range mostRounds {
		snapshots, err := s.snapshots(ctx, reader)
		if err != nil {
			return err
		}
		after := compile.WithRendered(given, snapshots)
		if equalObjects(before, after) {
			return nil
		}
		if err := reader.Replace(istioObjects(before), istioObjects(after)); err != nil {
			return err
		}
		before = after
	}
	return errUnsettled
}

// istioObjects are those of the kinds that are rendered.
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

// equalObjects says whether two inventories hold the same objects of the kinds that are rendered.
func equalObjects(a, b model.Inventory) bool {
	return slices.EqualFunc(a.PeerAuthentications, b.PeerAuthentications, func(a, b *istiosecurityv1.PeerAuthentication) bool {
		return a.Namespace == b.Namespace && a.Name == b.Name && proto.Equal(&a.Spec, &b.Spec)
	}) && slices.EqualFunc(a.DestinationRules, b.DestinationRules, func(a, b *istionetworkingv1.DestinationRule) bool {
		return a.Namespace == b.Namespace && a.Name == b.Name && proto.Equal(&a.Spec, &b.Spec)
	}) && slices.EqualFunc(a.Gateways, b.Gateways, func(a, b *istionetworkingv1.Gateway) bool {
		return a.Namespace == b.Namespace && a.Name == b.Name && proto.Equal(&a.Spec, &b.Spec)
	})
}
