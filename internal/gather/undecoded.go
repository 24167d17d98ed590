package gather

import (
	"context"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/internal/model"
)

// IndexUndecoded: Istio's objects by whether they could not be decoded, "true" for those that could not.
const IndexUndecoded = ".undecoded"

// readUndecoded reads the objects that could not be decoded, of all namespaces: whom they are for is part of what is not known.
func (m *making) readUndecoded(ctx context.Context) error {
	all := client.MatchingFields{IndexUndecoded: isTrue}
	return each(
		reads(ctx, &m.peerAuthentications, all), reads(ctx, &m.destinationRules, all), reads(ctx, &m.gateways, all),
		reads(ctx, &m.serviceEntries, all), reads(ctx, &m.virtualServices, all), reads(ctx, &m.workloadEntries, all),
		reads(ctx, &m.sidecars, all), reads(ctx, &m.envoyFilters, all),
	)
}

// undecoded reports whether an object is to be kept apart because nothing but its metadata is known, and keeps it there. One of ours in
// the namespace that is compiled is not: it is written anew.
func (g *gathering) undecoded(kind string, object client.Object) bool {
	why, marked := model.UndecodedBecause(object)
	if !marked || (object.GetNamespace() == g.namespace && model.Ours(object)) {
		return false
	}
	if g.apart == nil {
		g.apart = map[model.ObjectRef]string{}
	}
	g.apart[model.RefOf(kind, object)] = why
	return true
}

// undecodedOf returns the objects that were kept apart, by kind, namespace and name.
func (g *gathering) undecodedOf() []model.Undecoded {
	refs := slices.SortedFunc(maps.Keys(g.apart), func(a, b model.ObjectRef) int { return strings.Compare(a.String(), b.String()) })
	var all []model.Undecoded
	for _, ref := range refs {
		all = append(all, model.Undecoded{ObjectRef: ref, Problem: g.apart[ref]})
	}
	return all
}

// isUndecoded is the value of IndexUndecoded.
func isUndecoded(object client.Object) []string {
	if _, marked := model.UndecodedBecause(object); marked {
		return []string{isTrue}
	}
	return nil
}
