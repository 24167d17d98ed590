// Package equivalence proves imports: it imports a world, applies the result as a
// user would (policies in, the objects that they take the place of out, what is
// left of Gateways in place), has the operator's compile write its objects, and
// compares what the model of Istio makes of both worlds: what every workload
// accepts, how every client's calls end with what is sent, and what every gateway
// serves.
//
// It goes by files, gather and compile, and shares with package importer only what
// both ask: the model of Istio, and which Gateway a name means. It looks at more
// than the world holds, since what is imported must also be right for the pods
// that come tomorrow.
package equivalence
