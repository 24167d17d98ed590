// Package controlplane starts a real Kubernetes control plane on this machine: etcd, kube-apiserver and, where asked,
// kube-controller-manager, with Istio's CRDs installed. The suites, the demo and the benchmarks run on it.
//
// The binaries are built from Go modules by `make controlplane` (folder build, a module of its own) into bin/controlplane;
// KUBEBUILDER_ASSETS names another folder that holds them. Nothing is downloaded here and nothing is built here.
//
// It knows nothing of meshtls: which CRDs, which controllers and which programs run beside it is the caller's choice. There is
// no kubelet and no scheduler: pods exist, and stay Pending.
//
// Nothing outlives the caller. Every process and every file belongs to one temporary folder with a watchdog beside it: Stop, the
// end of the context, and the death of the caller by whatever signal all end the processes and remove the folder.
package controlplane
