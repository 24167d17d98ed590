package workload

import (
	"slices"

	securityapi "istio.io/api/security/v1beta1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
)

// identityKeys are the conditions that only mutual TLS can answer.
var identityKeys = []string{"source.principal", "source.namespace", "source.serviceAccount", "source.trustDomain"}

// identityUse is how a rule asks who the caller is. A plaintext caller has no identity: it never matches principals or namespaces, and
// always matches notPrincipals and notNamespaces.
// Source: istio pilot/pkg/security/authz/model/model.go, rule.principal.
type identityUse struct {
	// asks: some of its sources must have an identity. needs: all of them must.
	asks, needs bool
	// excludes: it is for all identities but some, and so for callers without one, too.
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

// allowsByName reports whether each rule wants the caller to be somebody.
func allowsByName(policy *istiosecurityv1.AuthorizationPolicy) bool {
	rules := policy.Spec.GetRules()
	return policy.Spec.GetAction() == securityapi.AuthorizationPolicy_ALLOW && len(rules) > 0 &&
		!slices.ContainsFunc(rules, func(r *securityapi.Rule) bool { return !identityUseOf(r).needs })
}

// deniesNobody reports whether a rule for denials takes in callers without identity, whatever they call.
func deniesNobody(rule *securityapi.Rule) bool {
	return identityUseOf(rule).excludes && len(rule.GetTo()) == 0
}
