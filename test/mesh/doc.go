// Package mesh starts a real Istio mesh on this machine, without containers: the control plane of package controlplane, istiod and
// pilot-agent built from Istio's own module, and Envoy. Each pod is a sandbox with a network of its own and Istio's own iptables
// rules. Call says what becomes of a connection: who saw what, and what was on the wire.
//
//	m, err := mesh.Start(ctx, mesh.Options{})
//	pods, err := m.Run(ctx, mesh.Pod{Namespace: "shop", Name: "web"}, mesh.Pod{Namespace: "shop", Name: "payments", Ports: …})
//	result := m.Call(ctx, mesh.Call{From: pods[0], Host: "payments.shop.svc.cluster.local", Port: 80})
//	result.Outcome() // Plaintext, MutualTLS, TLS, Refused
//
// Everything is what a cluster has: Istio is installed with its own charts, istiod is a Deployment, its webhook injects the proxies,
// endpoints come from kube-controller-manager, certificates from istiod, and the API server reaches the mesh's network through an
// egress proxy, as managed clusters do: for webhooks, port-forward and exec. What is missing is kube-proxy: a client without a proxy
// that names a Service is given one of its endpoints, as kube-proxy would.
//
// The network is a bridge in a sandbox of its own; nothing of it is in the host's, so meshes do not know of each other. Nothing
// outlives the caller, whatever ends it.
//
// It knows nothing of meshtls: CRDs, policies and the operator are the caller's.
//
// It needs Linux, root, iptables, iproute2, util-linux, and the programs that `make mesh` puts into bin/mesh. Missing says what is
// missing. Envoy as its project publishes it lacks Istio's own extensions: telemetry is off, and so are the filters for ALPN and
// metadata exchange. Without the first, mutual TLS to a port without a declared protocol is carried as TCP.
package mesh
