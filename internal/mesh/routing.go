package mesh

import (
	"slices"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/routes"
	"github.com/meshtls/meshtls/internal/model"
)

// routing is where the VirtualServices of a mesh send calls, by qualified host and subset; the subset of the host itself is empty.
type routing struct {
	// taken are the hosts whose calls by sidecars are routed, wildcards among them: who calls one gets what the routes say.
	taken sets.Set[string]
	// sidecars and gateways are where the routes of each send something.
	sidecars, gateways map[string]sets.Set[string]
	domain             hosts.Domain
	// named is that too, and what routes name with a weight of zero.
	named map[string]sets.Set[string]
}

// newRouting reads the VirtualServices. One without hosts is another one's delegate: its routes may be anybody's.
// Source: istio pilot/pkg/model/virtualservice_controller.go, mergeVirtualServices.
func newRouting(domain hosts.Domain, all []*istionetworkingv1.VirtualService) routing {
	r := routing{
		domain: domain,
		taken:  sets.New[string](), sidecars: map[string]sets.Set[string]{}, gateways: map[string]sets.Set[string]{},
		named: map[string]sets.Set[string]{},
	}
	for _, vs := range all {
		by := proxiesNamed(vs.Spec.Gateways)
		if len(vs.Spec.Hosts) == 0 {
			by = proxies{sidecars: true, gateways: true}
		}
		if by.sidecars {
			for _, host := range vs.Spec.Hosts {
				r.taken.Insert(domain.Qualify(host, vs.Namespace))
			}
		}
		for _, route := range routes.All(vs) {
			r.add(route, by.matching(route.Matches))
		}
	}
	return r
}

// proxies are whose calls a route is for.
type proxies struct{ sidecars, gateways bool }

// proxiesNamed reads a list of gateways.
func proxiesNamed(gateways []string) proxies {
	return proxies{sidecars: routes.ForSidecars(gateways), gateways: routes.ForGateways(gateways)}
}

// matching narrows the proxies to those that one of the matches names. A match without gateways is for all of them.
func (by proxies) matching(matches []routes.Match) proxies {
	if len(matches) == 0 {
		return by
	}
	var narrowed proxies
	for _, match := range matches {
		matched := by
		if len(match.GetGateways()) > 0 {
			matched = proxiesNamed(match.GetGateways())
		}
		narrowed.sidecars = narrowed.sidecars || matched.sidecars
		narrowed.gateways = narrowed.gateways || matched.gateways
	}
	return narrowed
}

func (r routing) add(route routes.Route, by proxies) {
	for _, to := range route.To {
		weighs := route.Weighs(to)
		r.addDestination(route, to.GetDestination(), proxies{sidecars: by.sidecars && weighs, gateways: by.gateways && weighs})
	}
	for _, mirror := range route.Mirrors {
		r.addDestination(route, mirror, by)
	}
}

func (r routing) addDestination(route routes.Route, to *networkingapi.Destination, by proxies) {
	if to == nil {
		return
	}
	host := route.Host(r.domain, to)
	insert(r.named, host, to.Subset)
	if by.sidecars {
		insert(r.sidecars, host, to.Subset)
	}
	if by.gateways {
		insert(r.gateways, host, to.Subset)
	}
}

func insert(subsets map[string]sets.Set[string], host, subset string) {
	if subsets[host] == nil {
		subsets[host] = sets.New[string]()
	}
	subsets[host].Insert(subset)
}

// takes reports whether calls of the host by sidecars are routed.
func (r routing) takes(host string) bool {
	return r.taken.Has(host) || slices.ContainsFunc(hosts.Wildcards(host), r.taken.Has)
}

// SubsetsCalled returns the subsets of the host that sidecars, or gateways, send to; the empty one is the host itself. Gateways send to
// nothing but what is routed.
func (v *network) SubsetsCalled(host string, gateway bool) []string {
	v.note(model.KindVirtualService)
	r := v.index.traffic()
	if gateway {
		return sets.List(r.gateways[host])
	}
	subsets := r.sidecars[host].Clone()
	if !r.takes(host) {
		subsets = subsets.Insert("")
	}
	return sets.List(subsets)
}

// SubsetRouted reports whether routes send something to the subset.
func (v *network) SubsetRouted(host, subset string) bool {
	v.note(model.KindVirtualService)
	return v.index.traffic().sidecars[host].Has(subset) || v.index.traffic().gateways[host].Has(subset)
}

// SubsetNamed reports whether a route names the subset of the host, or of one that it covers, with whatever weight.
func (v *network) SubsetNamed(host, subset string) bool {
	v.note(model.KindVirtualService)
	named := v.index.traffic().named
	if !hosts.IsWildcard(host) {
		return named[host].Has(subset)
	}
	for name, subsets := range named {
		if subsets.Has(subset) && hosts.Covers(host, name) {
			return true
		}
	}
	return false
}

// HostNamed reports whether a route names the host, with whatever weight.
func (v *network) HostNamed(host string) bool {
	v.note(model.KindVirtualService)
	return len(v.index.traffic().named[host]) > 0
}
