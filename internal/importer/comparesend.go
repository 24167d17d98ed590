package importer

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/sets"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// sends compares how connections end, with what is sent.
func (c *comparison) sends() {
	touched := c.touched()
	for i := range c.over.calls {
		to := &c.over.calls[i]
		callers := c.over.anyone
		if touched.stands(to.Host.Name) {
			callers = c.over.clients
		}
		for _, client := range callers {
			c.call(client, to)
		}
	}
}

// call compares the calls of a client to a destination and to its subsets.
func (c *comparison) call(client istio.Client, to *call) {
	was, is := c.was.Rule(client, to.Host), c.is.Rule(client, to.Host)
	subsets := []string{""}
	for _, s := range was.Subsets {
		subsets = append(subsets, s.Name)
	}
	refs := append(refsOf(was), refsOf(is)...)
	for _, subset := range subsets {
		destination := to.Destination
		destination.Subset = subset
		for _, s := range to.possible() {
			connection := istio.Connection{Client: client, To: destination}
			if s != nil {
				connection.Server, connection.Port = s.Workload, s.Port
			}
			a, b := c.was.Verdict(connection), c.is.Verdict(connection)
			if a.Kind == b.Kind && mesh.SameSent(a.Sent, b.Sent) {
				continue
			}
			behind := c.behind("", refs...)
			if len(behind) == 0 {
				behind = c.behind("", append(a.Objects(), b.Objects()...)...)
			}
			c.blame(behind, model.KindDestinationRule, differenceWords(client, destination, a, b))
			return
		}
	}
	c.rests(client, to, was, is)
}

func differenceWords(client istio.Client, to istio.Destination, was, is istio.Verdict) string {
	where := fmt.Sprintf("port %d of %s", to.Port, to.Host.Name)
	if to.Subset != "" {
		where += " (subset " + to.Subset + ")"
	}
	return fmt.Sprintf("Imported, it would have another effect: clients of %s would send %s to %s in place of %s (%s in place of %s).",
		namespaceWords(client), verdictWords(is), where, verdictWords(was), is.Kind, was.Kind)
}

func namespaceWords(client istio.Client) string {
	if client.Namespace == anyNamespace {
		return "other namespaces"
	}
	if len(client.Labels) > 0 {
		return "namespace " + client.Namespace + " with " + labelWords(client.Labels)
	}
	return "namespace " + client.Namespace
}

func verdictWords(v istio.Verdict) string {
	if v.Sent.Mode == "" {
		return "nothing"
	}
	return string(v.Sent.Mode)
}

func refsOf(choice istio.Choice) []model.ObjectRef {
	refs := make([]model.ObjectRef, len(choice.Rules))
	for i, rule := range choice.Rules {
		refs[i] = refOf(model.KindDestinationRule, rule)
	}
	return refs
}

// touchedHosts are those that a rule stands for that is not there in both worlds.
type touchedHosts struct {
	exact     sets.Set[string]
	wildcards []string
}

func (c *comparison) touched() touchedHosts {
	t := touchedHosts{exact: sets.New[string]()}
	add := func(rule *istionetworkingv1.DestinationRule) {
		host := c.was.HostOf(rule)
		if hosts.IsWildcard(host) {
			t.wildcards = append(t.wildcards, host)
		} else {
			t.exact.Insert(host)
		}
	}
	for _, side := range []*projection{c.before, c.after} {
		for _, rule := range side.DestinationRules {
			if len(c.after.behind[refOf(model.KindDestinationRule, rule)]) > 0 {
				add(rule)
			}
		}
		for _, rule := range side.rendered().DestinationRules {
			add(rule)
		}
	}
	return t
}

func (t touchedHosts) stands(host string) bool {
	if t.exact.Has(host) {
		return true
	}
	for _, wildcard := range t.wildcards {
		if wildcard == host || hosts.Covers(wildcard, host) {
			return true
		}
	}
	return false
}
