package explain

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/agnivade/levenshtein"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/model"
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
	// kindNamespace stands for all pods of a namespace, and kindPolicy for those that a MeshTLSPolicy is about: only explain takes them.
	kindNamespace = model.KindNamespace
	kindPolicy    = model.KindPolicy
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

// wholeKinds are those that only explain takes, which are more than some pods.
var wholeKinds = map[string]string{
	"namespace": kindNamespace, "namespaces": kindNamespace, "ns": kindNamespace,
	"meshtlspolicy": kindPolicy, "meshtlspolicies": kindPolicy, "mtp": kindPolicy,
}

// Kinds returns the kinds that can be asked about, as they are typed.
func Kinds() []string { return kindsIn(targetKinds, wholeKinds) }

// PodKinds returns those that name pods.
func PodKinds() []string { return kindsIn(targetKinds) }

func kindsIn(typed ...map[string]string) []string {
	kinds := sets.New[string]()
	for _, some := range typed {
		for _, kind := range some {
			kinds.Insert(strings.ToLower(kind))
		}
	}
	return sets.List(kinds)
}

// parseTarget takes kind/name apart. The name may have its namespace after it.
func parseTarget(target string) (kind, name string, err error) {
	typed, name, ok := strings.Cut(target, "/")
	if !ok || name == "" || strings.Contains(name, "/") {
		return "", "", fmt.Errorf("%q is no target: write <kind>/<name> or <kind>/<name>.<namespace>, such as deployment/payments.shop", target)
	}
	typed = strings.ToLower(typed)
	if kind = cmp.Or(targetKinds[typed], wholeKinds[typed]); kind == "" {
		return "", "", errNoKind(typed, Kinds())
	}
	return kind, name, nil
}

// errNoKind says which kinds there are, and which of them has a name like the typed one.
func errNoKind(typed string, kinds []string) error {
	hint := ""
	for _, kind := range kinds {
		if levenshtein.ComputeDistance(kind, typed) <= slips(typed) {
			hint = "; did you mean " + kind + "?"
		}
	}
	return fmt.Errorf("there is nothing to explain about a %q: ask about a %s%s", typed, strings.Join(kinds, ", "), hint)
}
