package policy

import (
	"fmt"
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/model"
)

// authors tell which policies, and which fields of them, the objects of a namespace come from.
type authors struct {
	Namespace
	subjects []subject
	byName   map[string]*subject
}

// domain returns the cluster's: what the names of its Services end in.
func (a authors) domain() hosts.Domain { return hosts.Domain(a.Snapshot.Mesh.ClusterDomain) }

// subject is a policy with what becomes of it.
type subject struct {
	policy  *meshtlsv1alpha1.MeshTLSPolicy
	outcome model.Outcome
}

func authorsOf(n Namespace) authors {
	a := authors{Namespace: n, subjects: subjectsOf(n), byName: make(map[string]*subject, len(n.Plan.Policies))}
	for i := range a.subjects {
		a.byName[a.subjects[i].policy.Name] = &a.subjects[i]
	}
	return a
}

func subjectsOf(n Namespace) []subject {
	policies := make(map[types.NamespacedName]*meshtlsv1alpha1.MeshTLSPolicy, len(n.Snapshot.Policies))
	for _, p := range n.Snapshot.Policies {
		policies[types.NamespacedName{Namespace: p.Namespace, Name: p.Name}] = p
	}
	subjects := make([]subject, 0, len(n.Plan.Policies))
	for _, o := range n.Plan.Policies {
		subjects = append(subjects, subject{policy: policies[o.Policy], outcome: o})
	}
	return subjects
}

// about begins a finding about the policy; the caller adds the words.
func (s subject) about(severity lint.Severity, field string) model.Finding {
	return model.Finding{Severity: severity, Subject: model.PolicyRef(s.outcome.Policy), Field: field}
}

// behind returns the policies that account for an object of ours: for a DestinationRule its owners with a send to the host, else the owners
// whose accept implies what clients send; for other objects all owners.
func (a authors) behind(ours metav1.Object) []types.NamespacedName {
	owners := ownersOf(ours)
	rule, is := ours.(*istionetworkingv1.DestinationRule)
	if !is {
		return owners
	}
	senders := slices.DeleteFunc(slices.Clone(owners), func(owner types.NamespacedName) bool { return !a.sendsTo(owner.Name, rule.Spec.Host) })
	if len(senders) > 0 {
		return senders
	}
	return owners
}

// fieldBehind returns the path in the policy's spec that a field of an object of ours comes from, as far as can be told.
func (a authors) fieldBehind(policy string, ours metav1.Object, path string) string {
	switch typed := ours.(type) {
	case *istionetworkingv1.Gateway:
		var server int
		if _, err := fmt.Sscanf(path, "spec.servers[%d]", &server); err != nil {
			return "spec.gateway"
		}
		return a.serverField(policy, server)
	case *istionetworkingv1.DestinationRule:
		if a.sendsTo(policy, typed.Spec.Host) {
			return "spec.send"
		}
	}
	return "spec.accept"
}

// sendsTo reports whether the policy says what is sent to the host.
func (a authors) sendsTo(policy, host string) bool {
	s, known := a.byName[policy]
	return known && s.sendsTo(a.domain(), host)
}

func (s subject) sendsTo(domain hosts.Domain, host string) bool {
	for _, send := range s.policy.Spec.Send {
		for _, name := range send.Hosts {
			if domain.Qualify(name, s.policy.Namespace) == host {
				return true
			}
		}
	}
	return false
}

// serverField returns the path of the entry that a server of a policy's Gateway comes from.
func (a authors) serverField(policy string, server int) string {
	at := slices.IndexFunc(a.Plan.Gateways, func(g model.GatewayRule) bool { return g.Policy == policy })
	owner, known := a.byName[policy]
	if at < 0 || !known || server >= len(a.Plan.Gateways[at].Servers) {
		return "spec.gateway"
	}
	planned, spec := a.Plan.Gateways[at].Servers[server], &owner.policy.Spec
	for i := range spec.Terminate {
		if planned.Terminate == &spec.Terminate[i] {
			return fmt.Sprintf("spec.terminate[%d]", i)
		}
	}
	for i := range spec.Passthrough {
		if planned.Passthrough == &spec.Passthrough[i] {
			return fmt.Sprintf("spec.passthrough[%d]", i)
		}
	}
	for i := range spec.Plaintext {
		if planned.Plaintext == &spec.Plaintext[i] {
			return fmt.Sprintf("spec.plaintext[%d]", i)
		}
	}
	return "spec.gateway"
}
