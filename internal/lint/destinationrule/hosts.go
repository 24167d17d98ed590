package destinationrule

import (
	"slices"

	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/mesh"
)

// servicesByName returns the hosts of the Services of each name.
func servicesByName(v *mesh.View) map[string][]string {
	byName := map[string][]string{}
	for i := range v.Services() {
		byName[v.Services()[i].Name] = append(byName[v.Services()[i].Name], v.Domain().OfService(v.Services()[i].Namespace, v.Services()[i].Name))
	}
	return byName
}

// declared reports whether there is such a host, by name or by a wildcard of a ServiceEntry.
func declared(v *mesh.View, host string) bool {
	declares := func(name string) bool { return len(v.Destinations().Of(name)) > 0 }
	return declares(host) || slices.ContainsFunc(hosts.Wildcards(host), declares)
}
