package lint

import (
	"fmt"
	"slices"
	"strings"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/model"
)

// destinationRuleNeverUsed tells of rules that no client looks up: Istio looks in the client's namespace, the host's and the root's, and
// the rule's is neither of the last two, and has no clients.
// Source: istio pilot/pkg/model/push_context.go, destinationRule.
func destinationRuleNeverUsed(v *view) []model.Finding {
	if v.Partial {
		return nil
	}
	var findings []model.Finding
	for _, rule := range v.DestinationRules {
		if len(v.clients().in[rule.Namespace]) > 0 || rule.Namespace == v.Mesh.RootNamespace || len(v.clients().all) == 0 {
			continue
		}
		called := v.called(hostOf(rule))
		own := func(d *destinations.Destination) bool { return d.Namespace == rule.Namespace }
		if len(called) == 0 || slices.ContainsFunc(called, own) {
			continue
		}
		f := about(meshtlsv1alpha1.SeverityWarning, model.KindDestinationRule, rule, "spec.host")
		f.Message = fmt.Sprintf("No client uses it. Istio looks for the rules of %s in the client's namespace, in %s, where the host is, "+
			"and in %s; in %s no pod has a sidecar.", rule.Spec.Host, namespacesOf(called), v.Mesh.RootNamespace, rule.Namespace)
		f.Remedy = "Move it to the namespace of the host, or to that of the clients that it is for."
		findings = append(findings, f)
	}
	return findings
}

// namespacesOf names the namespaces of the destinations.
func namespacesOf(all []*destinations.Destination) string {
	namespaces := sets.New[string]()
	for _, d := range all {
		namespaces.Insert(d.Namespace)
	}
	return listed(sets.List(namespaces))
}

// shown is how many names a message lists.
const shown = 3

// listed names the first of many.
func listed(names []string) string {
	words := strings.Join(names[:min(len(names), shown)], ", ")
	if more := len(names) - shown; more > 0 {
		words = fmt.Sprintf("%s and %d more", words, more)
	}
	return words
}

// destinationRuleHostElsewhere tells of hosts that are written so that Istio takes them for another one than is meant: a short name
// stands for a Service of the rule's own namespace, and one with a dot for itself.
// Source: istio pilot/pkg/model/virtualservice.go, ResolveShortnameToFQDN.
func destinationRuleHostElsewhere(v *view) []model.Finding {
	if v.Partial {
		return nil
	}
	byName := v.servicesByName()
	var findings []model.Finding
	for _, rule := range v.DestinationRules {
		host := hostOf(rule)
		if hosts.IsWildcard(host) || v.declared(host) {
			continue
		}
		f := about(meshtlsv1alpha1.SeverityError, model.KindDestinationRule, rule, "spec.host")
		meant := byName[rule.Spec.Host]
		switch {
		case len(meant) > 0:
			f.Message = fmt.Sprintf("A short name stands for a Service of the rule's own namespace, and %s has none called %s: the rule "+
				"governs nothing. There is %s.", rule.Namespace, rule.Spec.Host, listed(meant))
		case v.declared(unabridged(rule.Spec.Host)):
			meant = []string{unabridged(rule.Spec.Host)}
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

// servicesByName are the hosts of the Services of each name.
func (v *view) servicesByName() map[string][]string {
	byName := map[string][]string{}
	for i := range v.Services {
		byName[v.Services[i].Name] = append(byName[v.Services[i].Name], hosts.OfService(v.Services[i].Namespace, v.Services[i].Name))
	}
	return byName
}

// declared says whether there is such a host, by name or by a wildcard of a ServiceEntry.
func (v *view) declared(host string) bool {
	declares := func(name string) bool { return len(v.destinations().Of(name)) > 0 }
	return declares(host) || slices.ContainsFunc(hosts.Wildcards(host), declares)
}

// unabridged is the name in full of a Service that is written as name.namespace or name.namespace.svc; otherwise the host itself.
func unabridged(host string) string {
	name, namespace, dotted := strings.Cut(strings.TrimSuffix(host, ".svc"), ".")
	if !dotted {
		return host
	}
	return hosts.OfService(namespace, name)
}

// destinationRuleHostNotFound tells of hosts that are written like those of Services, where there is no such Service.
// Source: istio pilot/pkg/networking/core/cluster.go: clusters are made of services, and a rule only changes them.
func destinationRuleHostNotFound(v *view) []model.Finding {
	if v.Partial {
		return nil
	}
	populated, byName := v.populated(), v.servicesByName()
	var findings []model.Finding
	for _, rule := range v.DestinationRules {
		namespace, name, isService := hosts.Service(hostOf(rule))
		if !isService || !populated.Has(namespace) || v.declared(hostOf(rule)) || isShortForAnother(rule, byName) {
			continue
		}
		f := about(meshtlsv1alpha1.SeverityWarning, model.KindDestinationRule, rule, "spec.host")
		f.Message = fmt.Sprintf("In namespace %s there is no Service %s, so the rule governs nothing.", namespace, name)
		f.Remedy = "Correct the name, or remove the rule if the Service is gone for good."
		findings = append(findings, f)
	}
	return findings
}

// isShortForAnother says whether the host is a short name that is a Service's of another namespace: that is told of already.
func isShortForAnother(rule *istionetworkingv1.DestinationRule, byName map[string][]string) bool {
	return len(byName[rule.Spec.Host]) > 0
}

// populated are the namespaces that have Services, and that somebody would have all of at hand: those of the root namespace come with
// Istio's installation, which manifests are seldom kept beside.
func (v *view) populated() sets.Set[string] {
	namespaces := sets.New[string]()
	for i := range v.Services {
		namespaces.Insert(v.Services[i].Namespace)
	}
	return namespaces.Delete(v.Mesh.RootNamespace)
}
