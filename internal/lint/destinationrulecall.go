package lint

import (
	"slices"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/routes"
	"github.com/meshtls/meshtls/internal/model"
)

// routing is where VirtualServices send calls to, by qualified host and subset; the subset of the host itself is empty.
type routing struct {
	// taken are the hosts whose calls by sidecars are routed, wildcards among them: who calls one gets what the routes say.
	taken sets.Set[string]
	// sidecars and gateways are where the routes of each send something.
	sidecars, gateways map[string]sets.Set[string]
	// named is that too, and what routes name with a weight of zero.
	named map[string]sets.Set[string]
}

// newRouting reads the VirtualServices. One without hosts is another one's delegate: its routes may be anybody's.
// Source: istio pilot/pkg/model/virtualservice_controller.go, mergeVirtualServices.
func newRouting(all []*istionetworkingv1.VirtualService) routing {
	r := routing{taken: sets.New[string](), sidecars: map[string]sets.Set[string]{}, gateways: map[string]sets.Set[string]{},
		named: map[string]sets.Set[string]{}}
	for _, vs := range all {
		by := routedBy(vs.Spec.Gateways)
		if len(vs.Spec.Hosts) == 0 {
			by = audience{sidecars: true, gateways: true}
		}
		if by.sidecars {
			for _, host := range vs.Spec.Hosts {
				r.taken.Insert(hosts.Qualify(host, vs.Namespace))
			}
		}
		for _, route := range routes.All(vs) {
			r.add(route, by.matching(route.Matches))
		}
	}
	return r
}

// audience is whose calls a route is for.
type audience struct{ sidecars, gateways bool }

// routedBy reads a list of gateways.
func routedBy(gateways []string) audience {
	return audience{sidecars: routes.ForSidecars(gateways), gateways: routes.ForGateways(gateways)}
}

// matching narrows the audience to those whom one of the matches names. A match without gateways is for all of them.
func (by audience) matching(matches []routes.Match) audience {
	if len(matches) == 0 {
		return by
	}
	var narrowed audience
	for _, match := range matches {
		matched := by
		if len(match.GetGateways()) > 0 {
			matched = routedBy(match.GetGateways())
		}
		narrowed.sidecars = narrowed.sidecars || matched.sidecars
		narrowed.gateways = narrowed.gateways || matched.gateways
	}
	return narrowed
}

// add takes down where the route sends calls of the audience.
func (r routing) add(route routes.Route, by audience) {
	for _, to := range route.To {
		weighs := route.Weighs(to)
		r.addDestination(route, to.GetDestination(), audience{sidecars: by.sidecars && weighs, gateways: by.gateways && weighs})
	}
	for _, mirror := range route.Mirrors {
		r.addDestination(route, mirror, by)
	}
}

func (r routing) addDestination(route routes.Route, to *networkingapi.Destination, by audience) {
	if to == nil {
		return
	}
	host := route.Host(to)
	note(r.named, host, to.Subset)
	if by.sidecars {
		note(r.sidecars, host, to.Subset)
	}
	if by.gateways {
		note(r.gateways, host, to.Subset)
	}
}

func note(subsets map[string]sets.Set[string], host, subset string) {
	if subsets[host] == nil {
		subsets[host] = sets.New[string]()
	}
	subsets[host].Insert(subset)
}

// called are the subsets of the host that sidecars, or gateways, send to. Gateways send to nothing but what is routed.
func (r routing) called(host string, gateway bool) []string {
	if gateway {
		return sets.List(r.gateways[host])
	}
	subsets := r.sidecars[host].Clone()
	if !r.takes(host) {
		subsets = subsets.Insert("")
	}
	return sets.List(subsets)
}

// takes says whether sidecars' calls of the host are routed.
func (r routing) takes(host string) bool {
	return r.taken.Has(host) || slices.ContainsFunc(hosts.Wildcards(host), r.taken.Has)
}

// live says whether routes send something to the subset.
func (r routing) live(host, subset string) bool {
	return r.sidecars[host].Has(subset) || r.gateways[host].Has(subset)
}

// call is what the proxy of a client makes: to the destination, or to the subset of it that a route names.
type call struct {
	client model.Workload
	subset string
}

// traffic is what clients send: what a view knows of them, and what VirtualServices make of their calls.
type traffic struct {
	*view
	routing routing
}

func (v *view) traffic() traffic { return traffic{view: v, routing: newRouting(v.VirtualServices)} }

// callsUnder are calls of the destination that the rule governs: those of one sidecar, which stands for all, and of one gateway.
func (t traffic) callsUnder(rule *istionetworkingv1.DestinationRule, d *destinations.Destination) []call {
	var calls []call
	for _, gateway := range []bool{false, true} {
		subsets := t.routing.called(d.Name, gateway)
		if len(subsets) == 0 {
			continue
		}
		if w, any := t.governedOf(rule, d, gateway); any {
			for _, subset := range subsets {
				calls = append(calls, call{client: w, subset: subset})
			}
		}
	}
	return calls
}
