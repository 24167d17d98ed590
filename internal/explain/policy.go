package explain

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// AboutPolicy reports whether the question is what a MeshTLSPolicy does: to answer that, the policies have to be known.
func (q Question) AboutPolicy() bool {
	kind, _, err := parseTarget(q.Target)
	return err == nil && kind == kindPolicy
}

// Policy answers what one of the policies does: of the pods that it is for, what it says that they accept or serve, and of the pods whose
// traffic it governs, what they send to the hosts that it names. What others decide there is told, too. An error is the asker's.
func Policy(i model.Inventory, policies []*meshtlsv1alpha1.MeshTLSPolicy, q Question) (Answer, error) {
	policy, err := policyOf(policies, q)
	if err != nil {
		return Answer{}, err
	}
	whole := mesh.New(i, "")
	answer := Answer{Question: q, Target: model.RefOf(kindPolicy, policy), Notes: meshNotes(whole)}
	said := newSaying(policy, whole)
	about, err := said.workloads(i, q)
	if err != nil {
		return Answer{}, err
	}
	for _, w := range about {
		answer.Workloads = addWorkload(answer.Workloads, w)
	}
	undeclared := said.undeclared()
	if len(answer.Workloads) == 0 {
		return Answer{}, fmt.Errorf("%s governs no connection that could be explained%s", Title(answer.Target), said.whyNone(undeclared))
	}
	answer.Notes = append(answer.Notes, undeclared...)
	return limited(answer)
}

func nameOf(policy *meshtlsv1alpha1.MeshTLSPolicy) types.NamespacedName {
	return types.NamespacedName{Namespace: policy.Namespace, Name: policy.Name}
}

// policyOf returns the policy that is asked about.
func policyOf(policies []*meshtlsv1alpha1.MeshTLSPolicy, q Question) (*meshtlsv1alpha1.MeshTLSPolicy, error) {
	_, typed, err := parseTarget(q.Target)
	if err != nil {
		return nil, err
	}
	byName := map[types.NamespacedName]*meshtlsv1alpha1.MeshTLSPolicy{}
	for _, p := range policies {
		byName[nameOf(p)] = p
	}
	known := slices.SortedFunc(maps.Keys(byName), compareNames)
	found := matching(known, typed, q.Namespace)
	switch len(found) {
	case 0:
		return nil, missing(kindPolicy, typed, q.Namespace, alike(kindPolicy, known, typed))
	case 1:
		return byName[found[0]], nil
	default:
		return nil, fmt.Errorf("%q is ambiguous: it can be %s", q.Target, strings.Join(shown(kindPolicy, found), " or "))
	}
}

// saying is a policy in a mesh.
type saying struct {
	policy *meshtlsv1alpha1.MeshTLSPolicy
	mesh   *mesh.View
	// targets are the pods that the policy is for.
	targets []*model.Workload
}

func newSaying(policy *meshtlsv1alpha1.MeshTLSPolicy, of *mesh.View) saying {
	return saying{policy: policy, mesh: of, targets: targetsOf(policy, of)}
}

// targetsOf returns the pods that the policy is for.
func targetsOf(policy *meshtlsv1alpha1.MeshTLSPolicy, of *mesh.View) []*model.Workload {
	switch named := cmp.Or(policy.Spec.Workload, policy.Spec.Gateway); {
	case named != nil && named.Service != "":
		return behindService(of, model.ObjectRef{Kind: kindService, Namespace: policy.Namespace, Name: named.Service})
	case policy.Spec.Gateway != nil:
		return of.GatewayPods(model.LabelsOf(named))
	case policy.Spec.Workload != nil:
		return of.Selected(policy.Namespace, model.LabelsOf(named))
	case policy.Namespace == of.Mesh().RootNamespace:
		return of.Workloads()
	default:
		return of.Selected(policy.Namespace, nil)
	}
}

// workloads says of all pods what the policy is about there; pods of which it says nothing are left out.
func (s saying) workloads(i model.Inventory, q Question) ([]Workload, error) {
	all, err := eachBy(i, s.mesh, s.mesh.Workloads(), func(v *view, w *model.Workload) (Workload, error) { return s.of(v, w, q) })
	return slices.DeleteFunc(all, func(w Workload) bool { return !w.takes() && len(w.Outbound) == 0 }), err
}

// of says what the policy is about at some pods.
func (s saying) of(v *view, w *model.Workload, q Question) (Workload, error) {
	isTarget := slices.Contains(s.targets, w)
	names := s.hostsFor(w, isTarget)
	takes := isTarget && s.governsInbound()
	if !takes && len(names) == 0 {
		return Workload{}, nil
	}
	about := s.onlyOwn(v.taken(w))
	if !takes {
		about.Inbound, about.Ignored, about.Listeners, about.Dropped = nil, nil, nil, nil
	}
	if len(names) == 0 || !q.Outbound() {
		return about, nil
	}
	if q.To != "" {
		var err error
		about.Outbound, err = v.to(w, q.To)
		return about, err
	}
	about.Outbound = v.sentTo(w, func(host string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return hosts.CoversOrIs(name, host) })
	})
	return about, nil
}

// onlyOwn leaves of a gateway's servers those that are the policy's: other policies serve at the same pods.
func (s saying) onlyOwn(about Workload) Workload {
	foreign := func(o Origin) bool {
		return o.Namespace != s.policy.Namespace || !slices.Contains(o.Policies, s.policy.Name)
	}
	for i := range about.Listeners {
		about.Listeners[i].Servers = slices.DeleteFunc(about.Listeners[i].Servers, func(server Server) bool { return foreign(server.DecidedBy) })
	}
	about.Listeners = slices.DeleteFunc(about.Listeners, func(l Listener) bool { return len(l.Servers) == 0 })
	about.Dropped = slices.DeleteFunc(about.Dropped, func(d Dropped) bool { return foreign(d.DecidedBy) })
	return about
}

// governsInbound reports whether the policy says what is accepted or served.
func (s saying) governsInbound() bool {
	spec := s.policy.Spec
	return spec.Accept != nil || len(spec.Terminate)+len(spec.Passthrough)+len(spec.Plaintext) > 0
}

// hostsFor returns the hosts to which the policy governs what the pods send, in full.
func (s saying) hostsFor(w *model.Workload, isTarget bool) []string {
	governs := isTarget
	if s.policy.Spec.Workload == nil && s.policy.Spec.Gateway == nil {
		governs = w.Namespace == s.policy.Namespace
	}
	var names []string
	for _, entry := range s.policy.Spec.Send {
		if governs || entry.Clients == meshtlsv1alpha1.ClientsAll {
			names = append(names, s.inFull(entry.Hosts)...)
		}
	}
	return names
}

func (s saying) inFull(typed []string) []string {
	names := make([]string, 0, len(typed))
	for _, host := range typed {
		names = append(names, s.mesh.Domain().Qualify(host, s.policy.Namespace))
	}
	return names
}

// undeclared are notes about the hosts that the policy names and that nothing declares.
func (s saying) undeclared() []string {
	var notes []string
	for n, entry := range s.policy.Spec.Send {
		for _, name := range s.inFull(entry.Hosts) {
			if !slices.ContainsFunc(s.mesh.Destinations().Hosts(), func(host string) bool { return hosts.CoversOrIs(name, host) }) {
				notes = append(notes, fmt.Sprintf("No Service or ServiceEntry declares %s, which spec.send[%d] names.", name, n))
			}
		}
	}
	return notes
}

// whyNone says, as the end of a message, why the policy has no connections.
func (s saying) whyNone(undeclared []string) string {
	switch {
	case len(s.targets) == 0:
		return ": no pod is behind it"
	case len(undeclared) > 0:
		return ". " + strings.Join(undeclared, " ")
	default:
		return ": its pods neither take nor send what it is about"
	}
}
