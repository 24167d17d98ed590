package workload

import (
	"fmt"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "authorizationpolicy-denies-plaintext",
			Severity: []lint.Severity{lint.Info},
			Classes:  []string{"M52"},
			Finds: "an AuthorizationPolicy that allows callers by identity only, for pods that accept plaintext, where no other one " +
				"allows more.",
			Why: "Plaintext gets through the handshake and is denied by the policy. That is safe, and misleading: callers without " +
				"a proxy see a 403, and the mode says that they may call.",
			Fix: "`STRICT`, or a rule for those who may call without a proxy.",
		},
		Find: deniesPlaintext,
	})
}

// deniesPlaintext tells of one that allows callers by name only, while the pods take plaintext: what they take, they
// then deny.
func deniesPlaintext(v *mesh.View) []model.Finding {
	if v.Partial() {
		return nil
	}
	var findings []model.Finding
	for _, policy := range v.AuthorizationPolicies() {
		if !allowsByName(policy) {
			continue
		}
		open, found := openUnder(v, policy, nil, func(w *model.Workload) bool { return plaintextDenied(v, w) })
		if !found {
			continue
		}
		f := lint.Finding(lint.Info, model.KindAuthorizationPolicy, policy, "spec.rules")
		f.Message = fmt.Sprintf("All its rules ask who the caller is, and who calls %s has no identity: such a call gets as far as the "+
			"proxy and is denied there.", open.words())
		f.Remedy = "Have the port accept STRICT, or allow what callers without a proxy need by a rule that does not ask who they are."
		findings = append(findings, f)
	}
	return findings
}
