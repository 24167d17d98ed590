package agreement

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/explain"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

func keyOf(p *meshtlsv1alpha1.MeshTLSPolicy) types.NamespacedName {
	return types.NamespacedName{Namespace: p.Namespace, Name: p.Name}
}

// The widths of targets.
const (
	widthPods = iota
	widthNamespace
	widthMesh
)

// width tells how wide a policy's target is.
func (w World) width(p *meshtlsv1alpha1.MeshTLSPolicy) int {
	switch {
	case p.Spec.Workload != nil || p.Spec.Gateway != nil:
		return widthPods
	case p.Namespace == w.Mesh.Mesh.RootNamespace:
		return widthMesh
	default:
		return widthNamespace
	}
}

// governs reports whether the policy's target holds the pods.
func (w World) governs(p *meshtlsv1alpha1.MeshTLSPolicy, pod *model.Workload) bool {
	switch {
	case p.Spec.Gateway != nil:
		return pods.Matches(w.selectorOf(p, p.Spec.Gateway), pod.Labels)
	case p.Spec.Workload != nil:
		return pod.Namespace == p.Namespace && pods.Matches(w.selectorOf(p, p.Spec.Workload), pod.Labels)
	default:
		return w.width(p) == widthMesh || pod.Namespace == p.Namespace
	}
}

// selectorOf returns the labels of the target's pods; those of a Service that is not there match none.
func (w World) selectorOf(p *meshtlsv1alpha1.MeshTLSPolicy, target *meshtlsv1alpha1.Target) map[string]string {
	if labels := model.LabelsOf(target); labels != nil {
		return labels
	}
	for _, s := range w.Mesh.Services {
		if s.Namespace == p.Namespace && s.Name == target.Service {
			return s.Selector
		}
	}
	return map[string]string{"no-such": "service"}
}

// servedBy reports whether a Service port that the policy names leads to the port.
func servedBy(p *meshtlsv1alpha1.MeshTLSPolicy, port intstr.IntOrString, in explain.Inbound) bool {
	return slices.ContainsFunc(in.Services, func(s explain.ServicePort) bool {
		target := p.Spec.Workload
		if target != nil && target.Service != "" && target.Service != s.Service {
			return false
		}
		if port.Type == intstr.String {
			return port.StrVal == s.Name
		}
		return port.IntVal == s.Port
	})
}

// serves looks at the servers of a gateway's policy: pods of the target have each, from this policy.
func (p *promises) serves(policy *meshtlsv1alpha1.MeshTLSPolicy) {
	if policy.Spec.Gateway == nil {
		return
	}
	for _, a := range p.Answers {
		if a.Proxy != explain.ProxyGateway || !p.governs(policy, a.Pods) || !model.InRevision(policy, a.Revision) {
			continue
		}
		for _, want := range serversOf(policy) {
			kept := slices.ContainsFunc(a.Listeners, func(l explain.Listener) bool {
				return slices.ContainsFunc(l.Servers, want.is)
			})
			p.want(Serves, policy, kept, fmt.Sprintf("gateway pod %s/%s has no server %+v", a.Namespace, a.Example, want))
		}
	}
}

// server is what a policy says of a server.
type server struct {
	policy string
	port   int32
	hosts  []string
	mode   explain.ServerMode
}

func (s server) is(other explain.Server) bool {
	mine := slices.Contains(other.DecidedBy.Policies, s.policy)
	return mine && other.Port == s.port && other.Mode == s.mode && slices.ContainsFunc(s.hosts, func(host string) bool {
		return slices.ContainsFunc(other.Hosts, func(o string) bool { return bare(o) == bare(host) })
	})
}

// bare returns a host of a server without the namespace before it.
func bare(host string) string { return host[strings.IndexByte(host, '/')+1:] }

// serversOf returns the servers of the policy.
func serversOf(p *meshtlsv1alpha1.MeshTLSPolicy) []server {
	var all []server
	for _, t := range p.Spec.Terminate {
		all = append(all, server{p.Name, t.Port, t.Hosts, explain.ServerMode(t.Mode)})
	}
	for _, t := range p.Spec.Passthrough {
		mode := explain.ServerPassthrough
		if t.Routing == meshtlsv1alpha1.RoutingAuto {
			mode = explain.ServerAutoPassthrough
		}
		all = append(all, server{p.Name, t.Port, t.Hosts, mode})
	}
	for _, t := range p.Spec.Plaintext {
		mode := explain.ServerPlaintext
		if t.RedirectToHTTPS {
			mode = explain.ServerRedirect
		}
		all = append(all, server{p.Name, t.Port, t.Hosts, mode})
	}
	return all
}
