package render

import (
	"fmt"
	"math/rand/v2"
	"testing"

	securityapi "istio.io/api/security/v1beta1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	"github.com/meshtls/meshtls/internal/model"
)

// harm says what an audit policy, as it is sent, would do besides counting; empty: nothing.
func harm(content map[string]any) string {
	metadata, _ := content["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	spec, _ := content["spec"].(map[string]any)
	selector, _ := spec["selector"].(map[string]any)
	labels, _ := selector["matchLabels"].(map[string]any)
	rules := mapsIn(spec, "rules")
	switch {
	case annotations[model.AnnotationDryRun] != "true":
		return "it would refuse"
	case spec["action"] != "DENY":
		return "one that allows has every other caller denied"
	case len(labels) == 0:
		return "it is for pods that nobody named"
	case len(rules) != 1 || len(mapsIn(rules[0], "from")) != 1 || len(mapsIn(rules[0], "to")) != 1:
		return "it counts what Strict would not refuse"
	default:
		return ""
	}
}

// randomAudit returns a rule with one to three labels and ports.
func randomAudit(random *rand.Rand) model.AuditRule {
	r := model.AuditRule{Selector: map[string]string{}, Owners: []model.Owner{{Name: "p", UID: "u"}}}
	for i := range 1 + random.IntN(3) {
		r.Selector[fmt.Sprint("label-", i)] = fmt.Sprint(random.IntN(9))
		r.Ports = append(r.Ports, int32(8080+i))
	}
	if random.IntN(2) == 0 {
		r.Revision = "canary"
	}
	return r
}

// TestAuditsAreHarmless holds that no AuthorizationPolicy is rendered that does more than count.
func TestAuditsAreHarmless(t *testing.T) {
	for seed := range uint64(500) {
		random := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a test's seed
		plan := model.Plan{Namespace: "shop"}
		for range 1 + random.IntN(3) {
			plan.Audits = append(plan.Audits, randomAudit(random))
		}
		for _, object := range Objects(plan).AuthorizationPolicies {
			if problem := harm(sent(t, object)); problem != "" {
				t.Fatalf("seed %d: %s: %v", seed, problem, sent(t, object))
			}
		}
	}
}

// TestHarmIsNoticed takes away what makes an audit policy harmless, one thing at a time.
func TestHarmIsNoticed(t *testing.T) {
	mutants := map[string]func(*istiosecurityv1.AuthorizationPolicy){
		"no annotation":          func(p *istiosecurityv1.AuthorizationPolicy) { p.Annotations = nil },
		"an annotation of false": func(p *istiosecurityv1.AuthorizationPolicy) { p.Annotations[model.AnnotationDryRun] = "false" },
		"another action":         func(p *istiosecurityv1.AuthorizationPolicy) { p.Spec.Action = securityapi.AuthorizationPolicy_ALLOW },
		"no selector":            func(p *istiosecurityv1.AuthorizationPolicy) { p.Spec.Selector = nil },
		"another rule":           func(p *istiosecurityv1.AuthorizationPolicy) { p.Spec.Rules = append(p.Spec.Rules, &securityapi.Rule{}) },
		"everybody":              func(p *istiosecurityv1.AuthorizationPolicy) { p.Spec.Rules[0].From = nil },
	}
	for name, mutate := range mutants {
		t.Run(name, func(t *testing.T) {
			rule := randomAudit(rand.New(rand.NewPCG(1, 1))) //nolint:gosec // a test's seed
			object := audit(place{namespace: "shop"}, &rule)
			mutate(object)
			if harm(sent(t, object)) == "" {
				t.Error("nothing is noticed")
			}
		})
	}
}

func sent(t *testing.T, object *istiosecurityv1.AuthorizationPolicy) map[string]any {
	t.Helper()
	content, err := Encode(object)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
