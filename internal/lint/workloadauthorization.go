package lint

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
	"github.com/meshtls/meshtls/internal/model"
)

// identityKeys are the conditions that only mutual TLS can answer.
var identityKeys = []string{"source.principal", "source.namespace", "source.serviceAccount", "source.trustDomain"}

// identityUse is how a rule asks who the caller is. Somebody who calls in plaintext is nobody: asked to be one of some, he never is,
// and asked to be none of some, he always is.
// Source: istio pilot/pkg/security/authz/model/model.go, rule.principal.
type identityUse struct {
	// asks: some of its sources must be somebody. needs: all of them.
	asks, needs bool
	// excludes: it is for everybody but some, and so for nobody, too.
	excludes bool
}

func identityUseOf(rule *securityapi.Rule) identityUse {
	asked, excluded := whenIdentity(rule)
	sources := rule.GetFrom()
	if len(sources) == 0 {
		return identityUse{asks: asked, needs: asked, excludes: excluded && !asked}
	}
	use := identityUse{asks: asked, needs: true}
	for _, from := range sources {
		is, isNot := sourceIdentity(from.GetSource())
		use.asks = use.asks || is
		use.needs = use.needs && (is || asked)
		use.excludes = use.excludes || !is && !asked && (isNot || excluded)
	}
	return use
}

func whenIdentity(rule *securityapi.Rule) (is, isNot bool) {
	for _, when := range rule.GetWhen() {
		if slices.Contains(identityKeys, when.GetKey()) {
			is = is || len(when.GetValues()) > 0
			isNot = isNot || len(when.GetNotValues()) > 0
		}
	}
	return is, isNot
}

func sourceIdentity(s *securityapi.Source) (is, isNot bool) {
	is = len(s.GetPrincipals())+len(s.GetNamespaces())+len(s.GetServiceAccounts())+len(s.GetTrustDomains()) > 0
	isNot = len(s.GetNotPrincipals())+len(s.GetNotNamespaces())+len(s.GetNotServiceAccounts())+len(s.GetNotTrustDomains()) > 0
	return is, isNot
}

// openTo is where pods that an AuthorizationPolicy is for take plaintext.
type openTo struct {
	pods []model.Workload
	port int32
}

func (o openTo) words() string {
	if o.port == wholeWorkload {
		return podWords(o.pods) + " in plaintext"
	}
	return fmt.Sprintf("%s in plaintext at port %d", podWords(o.pods), o.port)
}

// authorizationPolicyBypassedByPlaintext tells of rules that keep somebody out by name, while the pods take calls of which nobody knows who
// makes them.
func authorizationPolicyBypassedByPlaintext(v *view) []model.Finding {
	if v.Partial {
		return nil
	}
	var findings []model.Finding
	for _, policy := range v.AuthorizationPolicies {
		for i, rule := range policy.Spec.GetRules() {
			follows := bypassOf(policy, identityUseOf(rule))
			if follows == "" {
				continue
			}
			open, found := v.openUnder(policy, rule, func(w model.Workload) bool { return !v.plaintextDenied(w) })
			if !found {
				continue
			}
			f := about(meshtlsv1alpha1.SeverityWarning, model.KindAuthorizationPolicy, policy, fmt.Sprintf("spec.rules[%d]", i))
			f.Message = fmt.Sprintf("The rule asks who the caller is, and who calls %s has no identity: %s.", open.words(), follows)
			f.Remedy = "Have the port accept STRICT, or deny callers without an identity by a rule with notPrincipals: [\"*\"]."
			findings = append(findings, f)
		}
	}
	return findings
}

// bypassOf is what the rule lets a caller without identity do; empty: nothing that it should not.
func bypassOf(policy *istiosecurityv1.AuthorizationPolicy, use identityUse) string {
	switch action := policy.Spec.GetAction(); {
	case action == securityapi.AuthorizationPolicy_DENY && use.asks:
		return "such a call is not denied, whoever makes it"
	case action == securityapi.AuthorizationPolicy_CUSTOM && use.asks:
		return "such a call is not put to the external authorizer, whoever makes it"
	case action == securityapi.AuthorizationPolicy_ALLOW && use.excludes:
		return "such a call is allowed, whoever makes it"
	default:
		return ""
	}
}

// authorizationPolicyDeniesPlaintext tells of one that allows callers by name only, while the pods take plaintext: what they take, they
// then deny.
func authorizationPolicyDeniesPlaintext(v *view) []model.Finding {
	if v.Partial {
		return nil
	}
	var findings []model.Finding
	for _, policy := range v.AuthorizationPolicies {
		if !allowsByName(policy) {
			continue
		}
		open, found := v.openUnder(policy, nil, v.plaintextDenied)
		if !found {
			continue
		}
		f := about(meshtlsv1alpha1.SeverityInfo, model.KindAuthorizationPolicy, policy, "spec.rules")
		f.Message = fmt.Sprintf("All its rules ask who the caller is, and who calls %s has no identity: such a call gets as far as the "+
			"proxy and is denied there.", open.words())
		f.Remedy = "Have the port accept STRICT, or allow what callers without a proxy need by a rule that does not ask who they are."
		findings = append(findings, f)
	}
	return findings
}

// allowsByName says whether each rule wants the caller to be somebody.
func allowsByName(policy *istiosecurityv1.AuthorizationPolicy) bool {
	rules := policy.Spec.GetRules()
	return policy.Spec.GetAction() == securityapi.AuthorizationPolicy_ALLOW && len(rules) > 0 &&
		!slices.ContainsFunc(rules, func(r *securityapi.Rule) bool { return !identityUseOf(r).needs })
}

// openUnder finds where pods that the policy is for, and that are of interest, take plaintext: at the rule's ports, if it names some.
func (v *view) openUnder(
	policy *istiosecurityv1.AuthorizationPolicy, rule *securityapi.Rule, interest func(model.Workload) bool,
) (openTo, bool) {
	open := map[int32][]model.Workload{}
	for _, w := range v.authorized(policy) {
		if w.Gateway || w.Dataplane == model.DataplaneNone || !interest(w) {
			continue
		}
		if port, is := v.plaintextPort(w, rulePorts(rule)); is {
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

// authorized are the pods that the policy is for.
func (v *view) authorized(policy *istiosecurityv1.AuthorizationPolicy) []model.Workload {
	selector := policy.Spec.GetSelector().GetMatchLabels()
	switch {
	case isAttached(policy):
		return nil
	case policy.Namespace == v.Mesh.RootNamespace:
		return v.pods().Selected(selector)
	default:
		return v.selected(policy.Namespace, selector)
	}
}

// plaintextPort is the lowest port of those asked about, else of those that are known, at which the pods take plaintext and their proxy
// has a say; wholeWorkload where no port is known.
func (v *view) plaintextPort(w model.Workload, asked []int32) (int32, bool) {
	acceptance := v.istio.Accept(w)
	ports := slices.Clone(asked)
	if len(ports) == 0 {
		for _, p := range w.Ports {
			ports = append(ports, p.Number)
		}
		for _, p := range v.inFront([]model.Workload{w}) {
			ports = append(ports, p.target)
		}
	}
	if len(ports) == 0 {
		return wholeWorkload, acceptance.Workload.Mode != meshtlsv1alpha1.AcceptStrict
	}
	slices.Sort(ports)
	for _, port := range ports {
		if acceptance.Port(port).Mode != meshtlsv1alpha1.AcceptStrict && !slices.Contains(w.Uncaptured, port) {
			return port, true
		}
	}
	return 0, false
}

// rulePorts are the ports that the rule is for; none: all.
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

// plaintextDenied says whether somebody without identity gets nothing from the pods: there is a rule that denies him, or all that allow
// anything want to know who calls.
func (v *view) plaintextDenied(w model.Workload) bool {
	byName, otherwise := false, false
	for policy := range v.authorizing(w) {
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

// deniesNobody says whether a rule for denials takes in callers without identity, whatever they call.
func deniesNobody(rule *securityapi.Rule) bool {
	return identityUseOf(rule).excludes && len(rule.GetTo()) == 0
}

// authorizing are the policies that are for the pods.
func (v *view) authorizing(w model.Workload) iter.Seq[*istiosecurityv1.AuthorizationPolicy] {
	return func(yield func(*istiosecurityv1.AuthorizationPolicy) bool) {
		for _, namespace := range slices.Compact([]string{v.Mesh.RootNamespace, w.Namespace}) {
			for _, policy := range v.authorizationsIn()[namespace] {
				if !isAttached(policy) && pods.Matches(policy.Spec.GetSelector().GetMatchLabels(), w.Labels) && !yield(policy) {
					return
				}
			}
		}
	}
}

// isAttached says whether the policy is for a Service or a gateway of the Gateway API: for a proxy that is not the pods' own.
func isAttached(policy *istiosecurityv1.AuthorizationPolicy) bool {
	return policy.Spec.GetTargetRef() != nil || len(policy.Spec.GetTargetRefs()) > 0
}
