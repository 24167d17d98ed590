package explain

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Question is what is asked. Who asks for a port, or for a destination, asks for nothing else.
type Question struct {
	// Target is kind/name, or kind/name.namespace.
	Target string `json:"target"`
	// Namespace is where a target without namespace is looked for. Empty: everywhere.
	Namespace string `json:"namespace,omitempty"`
	// Port is the one that inbound connections are limited to; 0: they are not.
	Port int32 `json:"port,omitempty"`
	// To is the host, or host:port, that outbound connections are limited to; empty: they are not.
	To string `json:"to,omitempty"`
	// All also lists the destinations at which Istio does what it does by default.
	All bool `json:"all,omitempty"`
}

// Inbound reports whether inbound connections are asked about.
func (q Question) Inbound() bool { return q.To == "" || q.Port != 0 }

// Outbound reports whether outbound connections are asked about.
func (q Question) Outbound() bool { return q.Port == 0 || q.To != "" || q.All }

// The kinds of targets.
const (
	kindPod         = "Pod"
	kindService     = "Service"
	kindGateway     = "Gateway"
	kindDeployment  = "Deployment"
	kindStatefulSet = "StatefulSet"
	kindDaemonSet   = "DaemonSet"
	kindReplicaSet  = "ReplicaSet"
	kindJob         = "Job"
	// kindWorkload is whatever makes pods, or a pod that nothing makes: what Istio's metrics call a workload.
	kindWorkload = "Workload"
)

// targetKinds are the kinds by what users call them.
var targetKinds = map[string]string{
	"pod": kindPod, "pods": kindPod, "po": kindPod,
	"service": kindService, "services": kindService, "svc": kindService,
	"gateway": kindGateway, "gateways": kindGateway, "gw": kindGateway,
	"deployment": kindDeployment, "deployments": kindDeployment, "deploy": kindDeployment,
	"statefulset": kindStatefulSet, "statefulsets": kindStatefulSet, "sts": kindStatefulSet,
	"daemonset": kindDaemonSet, "daemonsets": kindDaemonSet, "ds": kindDaemonSet,
	"replicaset": kindReplicaSet, "replicasets": kindReplicaSet, "rs": kindReplicaSet,
	"job": kindJob, "jobs": kindJob,
	"workload": kindWorkload, "workloads": kindWorkload,
}

// Kinds returns the kinds that can be asked about, as they are typed.
func Kinds() []string {
	kinds := map[string]bool{}
	for _, kind := range targetKinds {
		kinds[strings.ToLower(kind)] = true
	}
	return slices.Sorted(maps.Keys(kinds))
}

// parseTarget takes kind/name apart. The name may have its namespace after it.
func parseTarget(target string) (kind, name string, err error) {
	typed, name, ok := strings.Cut(target, "/")
	if !ok || name == "" || strings.Contains(name, "/") {
		return "", "", fmt.Errorf("%q is no target: write <kind>/<name> or <kind>/<name>.<namespace>, such as deployment/payments.shop", target)
	}
	kind, known := targetKinds[strings.ToLower(typed)]
	if !known {
		return "", "", fmt.Errorf("there is nothing to explain about a %q: ask about a %s", typed, strings.Join(Kinds(), ", "))
	}
	return kind, name, nil
}
