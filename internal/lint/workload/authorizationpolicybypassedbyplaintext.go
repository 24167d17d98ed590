package workload

import (
	"fmt"

	securityapi "istio.io/api/security/v1beta1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "authorizationpolicy-bypassed-by-plaintext",
			Severity: []lint.Severity{lint.Warning},
			Classes:  []string{"M52"},
			Finds: "a rule of an AuthorizationPolicy that keeps somebody out by identity (`principals`, `namespaces`, " +
				"`serviceAccounts`, `trustDomains`, or a condition on them), for pods that accept plaintext: `DENY` and `CUSTOM` " +
				"that name somebody, `ALLOW` for all but some (`notPrincipals`…). It is silent where other policies of the pods " +
				"deny every caller without identity.",
			Why: "A caller in plaintext has no identity. No name is his, and all the names are not his. Whoever is to be kept out " +
				"gets in by leaving mutual TLS away.",
			Fix: "`STRICT` for the port, or a rule that denies whoever has no identity: `action: DENY` with `notPrincipals: " +
				"[\"*\"]`.",
		},
		Find: bypassedByPlaintext,
	})
}

// bypassedByPlaintext tells of rules that keep somebody out by name, while the pods take calls of which nobody knows who
// makes them.
func bypassedByPlaintext(v *mesh.View) []model.Finding {
	if v.Partial() {
		return nil
	}
	var findings []model.Finding
	for _, policy := range v.AuthorizationPolicies() {
		for i, rule := range policy.Spec.GetRules() {
			follows := bypassOf(policy, identityUseOf(rule))
			if follows == "" {
				continue
			}
			open, found := openUnder(v, policy, rule, func(w *model.Workload) bool { return !plaintextDenied(v, w) })
			if !found {
				continue
			}
			f := lint.Finding(lint.Warning, model.KindAuthorizationPolicy, policy, fmt.Sprintf("spec.rules[%d]", i))
			f.Message = fmt.Sprintf("The rule asks who the caller is, and who calls %s has no identity: %s.", open.words(), follows)
			f.Remedy = "Have the port accept STRICT, or deny callers without an identity by a rule with notPrincipals: [\"*\"]."
			findings = append(findings, f)
		}
	}
	return findings
}

// bypassOf returns what the rule lets a caller without identity do; empty: nothing that it should not.
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
