package policy

import (
	"k8s.io/apimachinery/pkg/util/sets"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
)

// sentTo is a host to the control plane of a revision.
type sentTo struct{ revision, host string }

func sentBy(rule *istionetworkingv1.DestinationRule) sentTo {
	return sentTo{revision: rule.Labels[meshtlsv1alpha1.LabelRevision], host: rule.Spec.Host}
}

// sent finds the planned sends by host: many policies of one namespace may send to the same.
type sent struct {
	// named are the clients for which policies say what they send.
	named map[sentTo]namedClients
	// wildcards are the hosts of named that are wildcards.
	wildcards []sentTo
	// companions are what companions are for.
	companions sets.Set[sentTo]
}

// namedClients are the clients of the namespace that the selectors select, or all of it, or of all namespaces.
type namedClients struct {
	everybody, namespace bool
	selectors            pods.Selectors
}

func newSent(rules []model.SendRule) sent {
	s := sent{named: map[sentTo]namedClients{}, companions: sets.New[sentTo]()}
	selectors := map[sentTo][]map[string]string{}
	for i := range rules {
		to := sentTo{revision: rules[i].Revision, host: rules[i].Host}
		if rules[i].Companion {
			s.companions.Insert(to)
			continue
		}
		named, known := s.named[to]
		if !known && hosts.IsWildcard(to.host) {
			s.wildcards = append(s.wildcards, to)
		}
		named.everybody = named.everybody || rules[i].Audience == model.AudienceAll
		named.namespace = named.namespace || len(rules[i].Selector) == 0
		s.named[to] = named
		selectors[to] = append(selectors[to], rules[i].Selector)
	}
	for to, named := range s.named {
		named.selectors = pods.NewSelectors(selectors[to])
		s.named[to] = named
	}
	return s
}

// forEverybody reports whether policies want the host's rule for all clients of the mesh.
func (s sent) forEverybody(to sentTo) bool { return s.named[to].everybody }

// names reports whether policies of the namespace say what the client sends to the host.
func (s sent) names(namespace string, client istio.Client, to sentTo) bool {
	if s.named[to].has(namespace, client) {
		return true
	}
	for _, above := range s.wildcards {
		if above.revision == to.revision && hosts.Covers(above.host, to.host) && s.named[above].has(namespace, client) {
			return true
		}
	}
	return false
}

func (n namedClients) has(namespace string, client istio.Client) bool {
	here := client.Namespace == namespace
	return n.everybody || here && (n.namespace || len(n.selectors.Selecting(client.Labels)) > 0)
}
