package agreement

import (
	"context"

	"github.com/meshtls/meshtls/internal/source"
	"github.com/meshtls/meshtls/test/worlds"
)

// Random returns the world of a seed as manifests, with the policies that the API server would admit. In every second world others have
// written Istio objects, too.
func Random(ctx context.Context, seed uint64) ([]byte, error) {
	drawn := worlds.Wide(seed)
	objects, policies := drawn.Cluster, drawn.Policies
	worlds.Roll(seed, policies)
	for _, p := range policies {
		if source.Admit(ctx, p) == nil {
			objects = append(objects, p)
		}
	}
	if seed%2 == 1 {
		objects = append(objects, worlds.Foreign(seed, LookedAt)...)
	}
	return worlds.YAML(objects)
}
