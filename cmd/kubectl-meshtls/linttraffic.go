package main

import (
	"context"
	"slices"

	"github.com/meshtls/meshtls/internal/evidence"
	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/source"
	"github.com/meshtls/meshtls/internal/traffic"
)

// seen finds, in the traffic, the clients that Strict modes would refuse. Without a source of metrics it finds nothing. What the source
// cannot tell is a note: silence is no finding, and no proof.
func (s *input) seen(ctx context.Context, reader *source.Reader, i model.Inventory, sources sourceFlags) ([]model.Finding, error) {
	if sources.named() == 0 {
		return nil, nil
	}
	pods, err := s.pods(ctx, reader)
	if err != nil {
		return nil, err
	}
	asked, err := sources.open(ctx, s)
	if err != nil {
		return nil, err
	}
	defer asked.close()
	in, err := s.reach()
	if err != nil {
		return nil, err
	}
	view := mesh.New(i, "")
	var calls []evidence.Call
	for _, target := range traffic.StrictTargets(view, pods) {
		if !in.has(target.Namespace) {
			continue
		}
		o := traffic.Explain(view, asked.Refusable(ctx, target, asked.window))
		if o.Doubt != "" {
			s.note("not all is known of the calls in namespace %s: %s", target.Namespace, o.Doubt)
		}
		calls = append(calls, o.Refusable...)
	}
	return s.unmuted(ctx, reader, i, traffic.WouldRefuse(view, calls))
}

// unmuted leaves out the findings that a policy or a PeerAuthentication does not want to hear of.
func (s *input) unmuted(ctx context.Context, reader *source.Reader, i model.Inventory, found []model.Finding) ([]model.Finding, error) {
	policies, err := gather.Policies(ctx, reader)
	if err != nil {
		return nil, err
	}
	muted := map[model.ObjectRef][]string{}
	for _, p := range policies {
		muted[model.RefOf(policyKind, p)] = model.MutedChecks(p)
	}
	for _, pa := range i.PeerAuthentications {
		muted[model.RefOf(model.KindPeerAuthentication, pa)] = model.MutedChecks(pa)
	}
	return slices.DeleteFunc(found, func(f model.Finding) bool { return slices.Contains(muted[f.Subject], f.Check) }), nil
}
