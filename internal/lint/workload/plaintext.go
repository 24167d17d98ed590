package workload

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	securityapi "istio.io/api/security/v1beta1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// openTo is where pods that an AuthorizationPolicy is for take plaintext.
type openTo struct {
	pods []*model.Workload
	port int32
}

func (o openTo) words() string {
	if o.port == mesh.WholeWorkload {
		return lint.CountPods(o.pods) + " in plaintext"
	}
	return fmt.Sprintf("%s in plaintext at port %d", lint.CountPods(o.pods), o.port)
}

// openUnder finds where pods that the policy is for, and that are of interest, take plaintext: at the rule's ports, if it names some.
func openUnder(v *mesh.View,
	policy *istiosecurityv1.AuthorizationPolicy, rule *securityapi.Rule, interest func(*model.Workload) bool,
) (openTo, bool) {
	open := map[int32][]*model.Workload{}
	for _, w := range authorized(v, policy) {
		if w.Gateway || w.Dataplane == model.DataplaneNone || !interest(w) {
			continue
		}
		if port, is := plaintextPort(v, w, rulePorts(rule)); is {
			open[port] = append(open[port], w)
		}
	}
	var all []openTo
	for port, workloads := range open {
		all = append(all, openTo{pods: workloads, port: port})
	}
	if len(all) == 0 {
		return openTo{}, false
	}
	return slices.MinFunc(all, func(a, b openTo) int { return cmp.Compare(a.port, b.port) }), true
}

// authorized returns the pods that the policy is for. In dry-run it does nothing to any.
func authorized(v *mesh.View, policy *istiosecurityv1.AuthorizationPolicy) []*model.Workload {
	selector := policy.Spec.GetSelector().GetMatchLabels()
	switch {
	case isAttached(policy), mesh.DryRun(policy):
		return nil
	case policy.Namespace == v.Mesh().RootNamespace && len(selector) == 0:
		return v.Workloads()
	case policy.Namespace == v.Mesh().RootNamespace:
		return v.GatewayPods(selector)
	default:
		return v.Selected(policy.Namespace, selector)
	}
}

// plaintextPort returns the lowest port of those asked about, else of those that are known, at which the pods take plaintext and their
// proxy has a say; mesh.WholeWorkload where no port is known.
func plaintextPort(v *mesh.View, w *model.Workload, asked []int32) (int32, bool) {
	acceptance := v.Accept(w)
	ports := slices.Clone(asked)
	if len(ports) == 0 {
		for _, p := range w.Ports {
			ports = append(ports, p.Number)
		}
		for _, p := range v.ServicePorts(w) {
			ports = append(ports, p.Target)
		}
	}
	if len(ports) == 0 {
		return mesh.WholeWorkload, acceptance.Workload.Mode != meshtlsv1alpha1.AcceptStrict
	}
	slices.Sort(ports)
	for _, port := range ports {
		if acceptance.Port(port).Mode != meshtlsv1alpha1.AcceptStrict && w.Captures(port) {
			return port, true
		}
	}
	return 0, false
}

// rulePorts returns the ports that the rule is for; none: all.
func rulePorts(rule *securityapi.Rule) []int32 {
	var ports []int32
	for _, to := range rule.GetTo() {
		if len(to.GetOperation().GetPorts()) == 0 {
			return nil
		}
		for _, text := range to.GetOperation().GetPorts() {
			if port, err := strconv.ParseUint(strings.TrimSpace(text), 10, 16); err == nil {
				ports = append(ports, int32(port))
			}
		}
	}
	return ports
}

// plaintextDenied reports whether somebody without identity gets nothing from the pods: there is a rule that denies him, or all that allow
// anything want to know who calls.
func plaintextDenied(v *mesh.View, w *model.Workload) bool {
	byName, otherwise := false, false
	for policy := range authorizing(v, w) {
		switch {
		case policy.Spec.GetAction() == securityapi.AuthorizationPolicy_DENY && slices.ContainsFunc(policy.Spec.GetRules(), deniesNobody):
			return true
		case policy.Spec.GetAction() != securityapi.AuthorizationPolicy_ALLOW:
		case allowsByName(policy) || len(policy.Spec.GetRules()) == 0:
			byName = true
		default:
			otherwise = true
		}
	}
	return byName && !otherwise
}

// authorizing returns the policies that are in force for the pods.
func authorizing(v *mesh.View, w *model.Workload) iter.Seq[*istiosecurityv1.AuthorizationPolicy] {
	return func(yield func(*istiosecurityv1.AuthorizationPolicy) bool) {
		for _, namespace := range slices.Compact([]string{v.Mesh().RootNamespace, w.Namespace}) {
			for _, policy := range v.AuthorizationPoliciesIn(namespace) {
				applies := !isAttached(policy) && !mesh.DryRun(policy) && pods.Matches(policy.Spec.GetSelector().GetMatchLabels(), w.Labels)
				if applies && !yield(policy) {
					return
				}
			}
		}
	}
}

// isAttached reports whether the policy is for a Service or a gateway of the Gateway API: for a proxy that is not the pods' own.
func isAttached(policy *istiosecurityv1.AuthorizationPolicy) bool {
	return policy.Spec.GetTargetRef() != nil || len(policy.Spec.GetTargetRefs()) > 0
}
