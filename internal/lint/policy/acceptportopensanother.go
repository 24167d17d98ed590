package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	add(lint.About{
		Name:     "accept-port-opens-another",
		Severity: []lint.Severity{lint.Warning},
		Finds: "a `servicePort` that has another number on some pods, where that number is another port of a Service on the others: the " +
			"entry's mode holds there, too.",
		Why: "A PeerAuthentication goes by numbers, and holds for all pods that it selects. So `http` at 8080 in one version and at 9090 in " +
			"the next also opens what the former has at 9090.",
		Fix: "Give the port one number in all pods, or name the versions by policies of their own.",
	}, acceptPortOpensAnother)
}

// acceptPortOpensAnother finds entries of accept that hold for a port that they do not mean.
// Source: istio pilot/pkg/security/authn/policy_applier.go, ComposePeerAuthentication: ports are numbers of the workload.
func acceptPortOpensAnother(w world) []model.Finding {
	var findings []model.Finding
	for _, s := range w.subjects {
		accept := s.policy.Spec.Accept
		if accept == nil || s.policy.Spec.Workload == nil {
			continue
		}
		ports := w.mesh().ServicePorts(w.targetPods(s)...)
		for i, entry := range accept.Ports {
			if entry.ServicePort == nil {
				continue
			}
			if opened, found := openedBeside(ports, entry.ServicePort.String()); found && entry.Mode != accept.Mode {
				f := s.about(lint.Warning, fmt.Sprintf("spec.accept.ports[%d].servicePort", i))
				f.Message = fmt.Sprintf("Port %d is %s on some pods, and on others (%s is one) it is port %s of Service %s, which "+
					"gets the mode %s, too.",
					opened.Target, entry.ServicePort.String(), lint.OnePod(opened.Pods), portName(opened), opened.Service.Name, entry.Mode)
				f.Remedy = "Give the port one number in all pods, or write a policy for each kind of them."
				findings = append(findings, f)
			}
		}
	}
	return findings
}

// openedBeside finds a Service port that has, on some pods, a number that the named one has on others.
func openedBeside(ports []mesh.ServicePort, named string) (mesh.ServicePort, bool) {
	isNamed := func(p mesh.ServicePort) bool { return p.Name == named || strconv.Itoa(int(p.Port)) == named }
	for _, meant := range ports {
		if !isNamed(meant) {
			continue
		}
		for _, other := range ports {
			if other.Target == meant.Target && other.Service == meant.Service && !isNamed(other) && !sharePods(meant.Pods, other.Pods) {
				return other, true
			}
		}
	}
	return mesh.ServicePort{}, false
}

// sharePods reports whether pods are in both lists.
func sharePods(a, b []*model.Workload) bool {
	return slices.ContainsFunc(a, func(w *model.Workload) bool {
		return slices.ContainsFunc(b, func(other *model.Workload) bool { return w.Namespace == other.Namespace && w.Example == other.Example })
	})
}

// portName names a Service's port: by its name, or by its number where it has none.
func portName(p mesh.ServicePort) string { return cmp.Or(p.Name, strconv.Itoa(int(p.Port))) }
