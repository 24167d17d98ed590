package destinationrule

import (
	"fmt"
	"strings"

	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "destinationrule-host-elsewhere",
			Severity: []lint.Severity{lint.Error},
			Classes:  []string{"M23"},
			Finds: "a short host that is no Service of the rule's namespace but of another, and `name.namespace` in place of the " +
				"full name.",
			Why: "Istio completes a host without a dot by the rule's own namespace, and leaves one with a dot as it stands. The " +
				"rule governs nothing.",
			Fix: "Write the name in full: `payments.shop.svc.cluster.local`.",
		},
		Find: hostElsewhere,
	})
}

// hostElsewhere tells of hosts that are written so that Istio takes them for another one than is meant: a short name
// stands for a Service of the rule's own namespace, and one with a dot for itself.
// Source: istio pilot/pkg/model/config.go, ResolveShortnameToFQDN.
func hostElsewhere(v *mesh.View) []model.Finding {
	if v.Partial() {
		return nil
	}
	byName := servicesByName(v)
	var findings []model.Finding
	for _, rule := range v.DestinationRules() {
		host := v.HostOf(rule)
		if hosts.IsWildcard(host) || declared(v, host) {
			continue
		}
		f := lint.Finding(lint.Error, model.KindDestinationRule, rule, "spec.host")
		meant := byName[rule.Spec.Host]
		switch {
		case len(meant) > 0:
			f.Message = fmt.Sprintf("A short name stands for a Service of the rule's own namespace, and %s has none called %s: the rule "+
				"governs nothing. There is %s.", rule.Namespace, rule.Spec.Host, lint.ListNames(meant))
		case declared(v, unabridged(v, rule.Spec.Host)):
			meant = []string{unabridged(v, rule.Spec.Host)}
			f.Message = fmt.Sprintf("Istio takes a host with a dot in it as it stands, and nothing is called %s: the rule governs nothing.",
				rule.Spec.Host)
		default:
			continue
		}
		f.Remedy = fmt.Sprintf("Write the name in full: %s.", meant[0])
		findings = append(findings, f)
	}
	return findings
}

// unabridged returns the name in full of a Service that is written as name.namespace or name.namespace.svc; otherwise the host itself.
func unabridged(v *mesh.View, host string) string {
	name, namespace, dotted := strings.Cut(strings.TrimSuffix(host, ".svc"), ".")
	if !dotted {
		return host
	}
	return v.Domain().OfService(namespace, name)
}
