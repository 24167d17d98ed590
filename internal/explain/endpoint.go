package explain

import (
	"reflect"

	"github.com/meshtls/meshtls/internal/mesh"
)

// endpoints returns the outcomes of the call, with endpoints of equal outcome counted together.
func (v *view) endpoints(c mesh.Call) []Endpoint {
	var all []Endpoint
	for _, o := range v.Outcomes(c) {
		all = addEndpoint(all, v.endpoint(o))
	}
	return all
}

// addEndpoint adds the endpoint, or its pods to an endpoint that differs in nothing else.
func addEndpoint(all []Endpoint, e Endpoint) []Endpoint {
	for i := range all {
		same := all[i]
		same.Example, same.Pods = e.Example, e.Pods
		if reflect.DeepEqual(same, e) {
			all[i].Pods += e.Pods
			return all
		}
	}
	return append(all, e)
}

func (v *view) endpoint(o mesh.Outcome) Endpoint {
	e := Endpoint{Outcome: o.Kind, Why: o.Why, ApplicationTLS: o.ApplicationTLS, Sends: string(o.Sent.Mode)}
	if o.Kind != mesh.NoEndpoints && o.Call.Known() {
		e.DecidedBy = v.decidedBy(o.Sent)
	}
	if o.Server == nil {
		return e
	}
	e.Namespace, e.Example, e.Pods, e.Port = o.Server.Namespace, o.Server.Example, o.Server.Count, o.Server.Port
	switch {
	case !o.AtGateway:
		accepted := v.accepted(o.Server.Workload, v.Accept(o.Server.Workload), o.Server.Port)
		e.Accepts, e.AcceptsDecidedBy = accepted.Accepts, &accepted.DecidedBy
	case o.GatewayServer != nil:
		origin := v.serverOrigin(*o.GatewayServer)
		e.Accepts, e.AcceptsDecidedBy = AcceptsServers, &origin
	default:
		e.Accepts = AcceptsServers
	}
	return e
}
