package check

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

// world is what checks look at: the snapshot with the plan and what is rendered of it, indexed.
type world struct {
	snapshot model.Snapshot
	rules    []model.SendRule
	gateways []model.GatewayRule
	subjects []subject
	// controlPlanes are what Istio makes of it, one for each revision.
	controlPlanes []controlPlane
	// pods are the namespace's, gatewayPods also those of other namespaces that its gateways select.
	pods        pods.Index
	gatewayPods pods.Index
	// seen are the hosts that the namespace's clients see, and hosts the first of each name.
	seen      []model.Host
	hosts     map[string]model.Host
	sentHosts []sentHost
	// foreignSelecting and clientsElsewhere tell which clients have rules of their own, besides ours.
	foreignSelecting bool
	clientsElsewhere []clients
}

// subject is a policy with what becomes of it.
type subject struct {
	policy  *meshtlsv1alpha1.MeshTLSPolicy
	outcome model.Outcome
}

func newWorld(s model.Snapshot, plan model.Plan, objects model.Objects) world {
	index := destinations.NewIndex(s.Inventory)
	w := world{
		snapshot:    s,
		rules:       plan.Sends,
		gateways:    plan.Gateways,
		subjects:    subjectsOf(s, plan),
		pods:        pods.ByNamespace(s.Workloads)[s.Namespace],
		gatewayPods: pods.NewIndex(s.Workloads),
		seen:        index.SeenBy(s.Namespace),
		hosts:       index.KnownTo(s.Namespace),
	}
	w.sentHosts = sentHostsOf(w)
	w.foreignSelecting, w.clientsElsewhere = foreignSelecting(s), clientsElsewhere(s)
	w.controlPlanes = controlPlanesOf(s, objects, w.subjects)
	return w
}

func subjectsOf(s model.Snapshot, plan model.Plan) []subject {
	policies := make(map[types.NamespacedName]*meshtlsv1alpha1.MeshTLSPolicy, len(s.Policies))
	for _, p := range s.Policies {
		policies[types.NamespacedName{Namespace: p.Namespace, Name: p.Name}] = p
	}
	subjects := make([]subject, 0, len(plan.Policies))
	for _, o := range plan.Policies {
		subjects = append(subjects, subject{policy: policies[o.Policy], outcome: o})
	}
	return subjects
}

// targetPods are the pods whose TLS the policy governs.
func (w world) targetPods(s subject) []model.Workload {
	if s.policy.Spec.Gateway != nil {
		return w.gatewayPods.Selected(s.outcome.Selector)
	}
	return w.pods.Selected(s.outcome.Selector)
}

// declared are the destinations that a host of a send means: itself, or those that its wildcard covers, or one that covers it.
func (w world) declared(host string) []model.Host {
	if h, ok := w.hosts[host]; ok {
		return []model.Host{h}
	}
	if hosts.IsWildcard(host) {
		return slices.DeleteFunc(slices.Clone(w.seen), func(h model.Host) bool { return !hosts.Covers(host, h.Name) })
	}
	for _, wildcard := range hosts.Wildcards(host) {
		if h, ok := w.hosts[wildcard]; ok {
			return []model.Host{h}
		}
	}
	return nil
}

// revision is the control plane revision that the policy's objects are for.
func (s subject) revision() string { return s.policy.Labels[meshtlsv1alpha1.LabelRevision] }

// about is a finding about the subject; the caller adds the words.
func (s subject) about(severity meshtlsv1alpha1.Severity, field string) model.Finding {
	return model.Finding{Severity: severity, Subject: model.PolicyRef(s.outcome.Policy), Field: field}
}
