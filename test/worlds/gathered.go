package worlds

import (
	"math/rand/v2"
	"slices"

	"github.com/meshtls/meshtls/internal/model"
)

// Shuffled returns the mesh with its lists in another order; a seed gives the same order each time.
func Shuffled(i model.Inventory, seed uint64) model.Inventory {
	random := rand.New(rand.NewPCG(seed, seed)) // #nosec G404 -- repeatable on purpose
	i.Namespaces = shuffled(random, i.Namespaces)
	i.Services = shuffled(random, i.Services)
	i.Workloads = shuffled(random, i.Workloads)
	i.ServiceEntries = shuffled(random, i.ServiceEntries)
	i.WorkloadEntries = shuffled(random, i.WorkloadEntries)
	i.PeerAuthentications = shuffled(random, i.PeerAuthentications)
	i.DestinationRules = shuffled(random, i.DestinationRules)
	i.Gateways = shuffled(random, i.Gateways)
	i.VirtualServices = shuffled(random, i.VirtualServices)
	i.AuthorizationPolicies = shuffled(random, i.AuthorizationPolicies)
	i.Webhooks = shuffled(random, i.Webhooks)
	i.Credentials = shuffled(random, i.Credentials)
	return i
}

func shuffled[T any](random *rand.Rand, list []T) []T {
	other := slices.Clone(list)
	random.Shuffle(len(other), func(a, b int) { other[a], other[b] = other[b], other[a] })
	return other
}
