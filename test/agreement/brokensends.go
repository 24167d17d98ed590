package agreement

import (
	"cmp"
	"fmt"
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/explain"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/model"
)

// sends looks at the calls that one send of the policy alone is about.
func (p *promises) sends(policy *meshtlsv1alpha1.MeshTLSPolicy) {
	if len(policy.Spec.Send) == 0 {
		return
	}
	for i := range p.calls {
		c := &p.calls[i]
		mode, one := p.asked(policy, c)
		if one {
			p.want(Sends, policy, p.isKept(mode, c), fmt.Sprintf("its send says %s; %s", mode, c))
		}
	}
}

// asked returns what the policy says is sent, if one send of it alone speaks of the call.
func (p *promises) asked(policy *meshtlsv1alpha1.MeshTLSPolicy, c *call) (mode meshtlsv1alpha1.SendMode, one bool) {
	if !carries(c) || !model.InRevision(policy, c.from.Revision) || p.hasForeignRules(c.from.Namespace) {
		return "", false
	}
	entries := p.sendsAbout(c)
	if len(entries) != 1 || entries[0].policy != policy {
		return "", false
	}
	if c.from.Pods.Interception == model.InterceptionNone && (p.forAnybody(entries[0]) || p.toldNotCarried(policy, c.from.Pods)) {
		return "", false
	}
	mode = entries[0].modeAt(c.to.Port)
	return mode, mode != ""
}

// isKept reports whether the call ends as asked. What Istio does of itself, and what a gateway's server passes on, may fail if somebody
// hears of it; so may TLS that the policy has wrapped around the application's.
func (p *promises) isKept(mode meshtlsv1alpha1.SendMode, c *call) bool {
	sent := c.sends(mode) || mode == meshtlsv1alpha1.SendAuto
	switch c.end.Outcome {
	case istio.DoubleTLS:
		return sent && p.isTold(c)
	case istio.Refused:
		if gateway := p.atGateway(c); gateway.NoServer || gateway.Closed {
			return sent // whatever is sent is refused
		}
		byOthers := mode == meshtlsv1alpha1.SendAuto || c.to.Route != nil && c.to.Route.Server != nil
		return sent && byOthers && p.isTold(c)
	default:
		return sent
	}
}

// carries reports whether a proxy that reads DestinationRules makes the call, to somewhere that is there.
func carries(c *call) bool {
	proxied := c.from.Proxy == explain.ProxySidecar || c.from.Proxy == explain.ProxyGateway && c.to.Route != nil
	return proxied && c.to.DeclaredBy != nil && c.end.Sends != ""
}

// hasForeignRules reports whether somebody else has DestinationRules for clients of the namespace.
func (p *promises) hasForeignRules(namespace string) bool {
	return slices.ContainsFunc(p.Mesh.DestinationRules, func(r *istionetworkingv1.DestinationRule) bool {
		return !model.Ours(r) && r.Namespace == namespace
	})
}

// entry is a send of a policy.
type entry struct {
	policy *meshtlsv1alpha1.MeshTLSPolicy
	send   meshtlsv1alpha1.Send
}

// sendsAbout returns the sends of all policies that are about the call, whoever wins.
func (p *promises) sendsAbout(c *call) []entry {
	var entries []entry
	for _, policy := range p.Policies {
		for _, send := range policy.Spec.Send {
			covers := slices.ContainsFunc(send.Hosts, func(host string) bool {
				host = hosts.Domain(p.Mesh.Mesh.ClusterDomain).Qualify(host, policy.Namespace)
				return host == c.to.Host || hosts.IsWildcard(host) && hosts.Covers(host, c.to.Host)
			})
			if covers && p.hasClient(policy, send, c.from) {
				entries = append(entries, entry{policy, send})
			}
		}
	}
	return entries
}

// forAnybody reports whether the send is for clients of all namespaces. It promises nothing of pods whose connections no proxy makes;
// explain says so of these.
func (p *promises) forAnybody(e entry) bool {
	return e.send.Clients == meshtlsv1alpha1.ClientsAll || p.width(e.policy) == widthMesh
}

// hasClient reports whether the send is for the pods.
func (p *promises) hasClient(policy *meshtlsv1alpha1.MeshTLSPolicy, send meshtlsv1alpha1.Send, from Answer) bool {
	if policy.Spec.Workload != nil || policy.Spec.Gateway != nil {
		return from.Namespace == policy.Namespace && p.governs(policy, from.Pods)
	}
	return send.Clients == meshtlsv1alpha1.ClientsAll || from.Namespace == policy.Namespace
}

// modeAt returns what the send says about the port; empty: nothing.
func (e entry) modeAt(port int32) meshtlsv1alpha1.SendMode {
	for _, own := range e.send.Ports {
		if own.Port == port {
			return own.Mode
		}
	}
	return cmp.Or(e.send.Mode, "")
}
