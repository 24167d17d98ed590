// Package intent reads policies as a user does: what must be true of the proxies of a world if the specs are honoured.
//
// It is written from the API's documentation alone and shares no code with the operator: its claims judge the operator, so they
// must not come from the operator's plan. A claim belongs to one policy and one field, and is about one pod: the mode of a port,
// the TLS to a port of a host, a server of a gateway, a client that must still be served.
//
// Of a policy with a rollout the stage is claimed that its status names: the mode, with the ports and workloads that are Strict already.
//
// A narrower statement takes precedence over a wider one (port, workload, namespace, mesh; one host, wildcard), and among equals
// the older one: what another policy rightly decides is not claimed. Which policies have a claim at all, those that are Ready, is
// the caller's matter.
package intent
