package agreement

import (
	"fmt"
	"slices"

	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/explain"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/model"
)

// Kind is a sort of promise that a Ready policy makes.
type Kind string

// The sorts of promises: a port accepts the mode, clients to whom nobody says what to send reach it, a client sends what a send says and
// is not refused, and a gateway has the server.
const (
	Accepts Kind = "accepts"
	Reaches Kind = "reaches"
	Sends   Kind = "sends"
	Serves  Kind = "serves"
)

// Broken returns the promises of Ready policies that explain says are not kept. It looks only at what one policy alone speaks of, so that
// nothing needs to be known of precedence, and counts the promises by kind.
func (w World) Broken(counts map[Kind]int) []string {
	ready := w.Ready()
	promises := promises{World: w, counts: counts}
	for _, p := range w.Policies {
		if ready[keyOf(p)] {
			promises.accepts(p)
			promises.sends(p)
			promises.serves(p)
		}
	}
	return promises.broken
}

// promises are what policies promise, with those that are broken.
type promises struct {
	World
	counts map[Kind]int
	broken []string
}

// want counts a promise of the policy, and notes what is the case instead if it is not kept.
func (p *promises) want(kind Kind, policy *meshtlsv1alpha1.MeshTLSPolicy, kept bool, instead string) {
	p.counts[kind]++
	if !kept {
		p.broken = append(p.broken, fmt.Sprintf("%s is Ready: %s", keyOf(policy), instead))
	}
}

// hears reports whether the policy has the finding.
func (w World) hears(policy *meshtlsv1alpha1.MeshTLSPolicy, check string) bool {
	return slices.ContainsFunc(w.findings, func(f model.Finding) bool {
		return f.Check == check && f.Subject == model.PolicyRef(keyOf(policy))
	})
}

// accepts looks at the ports of pods with a sidecar for which the policy alone says what they accept.
func (p *promises) accepts(policy *meshtlsv1alpha1.MeshTLSPolicy) {
	for _, a := range p.Answers {
		if a.Proxy != explain.ProxySidecar || !p.alone(policy, a.Pods) || !model.InRevision(policy, a.Revision) ||
			p.toldNotCarried(policy, a.Pods) {
			continue
		}
		for _, in := range a.Inbound {
			mode, one := modeAt(policy, in)
			if !one || mode == meshtlsv1alpha1.AcceptInherit || slices.Contains(a.Pods.Uncaptured, in.Port) {
				continue
			}
			kept := in.External.Accepts == explain.Accepts(mode) || p.toldOfPorts(policy, a.Pods)
			p.want(Accepts, policy, kept, fmt.Sprintf("port %d of pod %s/%s accepts %s, not %s", in.Port, a.Namespace, a.Example,
				in.External.Accepts, mode))
			p.reaches(policy, a, in.Port, mode)
		}
	}
}

// toldOfPorts reports whether the policy is warned that a Service's port leads to other ports at some of the pods, or at pods that are not
// ready.
func (p *promises) toldOfPorts(policy *meshtlsv1alpha1.MeshTLSPolicy, pods *model.Workload) bool {
	return p.hears(policy, "accept-service-port-ambiguous") || pods.Unready && p.hears(policy, "accept-port-waits")
}

// toldNotCarried reports whether the policy is warned that the pods do not carry it: others of its target do.
func (p *promises) toldNotCarried(policy *meshtlsv1alpha1.MeshTLSPolicy, pods *model.Workload) bool {
	return pods.Interception == model.InterceptionNone && p.hears(policy, "target-not-carried")
}

// reaches looks at the calls of a port by clients with a proxy to whom nobody says what to send.
func (p *promises) reaches(policy *meshtlsv1alpha1.MeshTLSPolicy, server Answer, port int32, mode meshtlsv1alpha1.AcceptMode) {
	for i := range p.calls {
		c := &p.calls[i]
		there := c.end.Namespace == server.Namespace && c.end.Example == server.Example && c.end.Port == port
		untold := len(c.to.External.Rules) == 0 && c.to.External.Sends == string(meshtlsv1alpha1.SendAuto)
		if !there || !untold || c.from.Proxy != explain.ProxySidecar {
			continue
		}
		if _, bypasses := p.bypass(c); bypasses {
			continue // the client's own settings have its sidecar send what the application does
		}
		kept := c.end.Outcome != istio.Refused
		if mode == meshtlsv1alpha1.AcceptStrict {
			kept = c.end.Outcome == istio.MutualTLS
		}
		p.want(Reaches, policy, kept, c.String())
	}
}

// alone reports whether no other policy, and nobody's PeerAuthentication, is about what the pods accept, but for a wider scope.
func (p *promises) alone(policy *meshtlsv1alpha1.MeshTLSPolicy, w *model.Workload) bool {
	if policy.Spec.Accept == nil || !p.governs(policy, w) {
		return false
	}
	for _, other := range p.Policies {
		if other != policy && other.Spec.Accept != nil && p.governs(other, w) && p.width(other) <= p.width(policy) {
			return false
		}
	}
	return !slices.ContainsFunc(p.Mesh.PeerAuthentications, func(pa *istiosecurityv1.PeerAuthentication) bool {
		return !model.Ours(pa) && (pa.Namespace == w.Namespace || pa.Namespace == p.Mesh.Mesh.RootNamespace)
	})
}

// madeStrict reports whether a rollout has made the port Strict. Until then a policy promises nothing of it, and of workloads that are
// Strict before their namespace nothing either.
func madeStrict(policy *meshtlsv1alpha1.MeshTLSPolicy, port int32) bool {
	reached := policy.Status.Rollout
	return reached != nil && (reached.Mode == meshtlsv1alpha1.AcceptStrict || slices.Contains(reached.StrictPorts, port))
}

// modeAt returns the mode that the policy says for the port, if it says one.
func modeAt(policy *meshtlsv1alpha1.MeshTLSPolicy, in explain.Inbound) (mode meshtlsv1alpha1.AcceptMode, one bool) {
	modes := map[meshtlsv1alpha1.AcceptMode]bool{}
	for _, entry := range policy.Spec.Accept.Ports {
		if entry.Port != nil && *entry.Port == in.Port || entry.ServicePort != nil && servedBy(policy, *entry.ServicePort, in) {
			modes[entry.Mode] = true
		}
	}
	if len(modes) == 0 {
		return policy.Spec.Accept.Mode, policy.Spec.Accept.Rollout == nil || madeStrict(policy, in.Port)
	}
	for mode = range modes {
		one = len(modes) == 1
	}
	return mode, one
}
