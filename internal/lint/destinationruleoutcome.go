package lint

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

// outcome is what becomes of a call of a port whose TLS a rule decides.
type outcome struct {
	call
	rule *istionetworkingv1.DestinationRule
	d    *destinations.Destination
	port destinations.Port
	// server is a pod behind the port; nil where no pod is known.
	server  *destinations.Endpoint
	verdict istio.Verdict
	// more is the number of the rule's other hosts of which the same is true.
	more int
}

// field is the level of the rule that decides.
func (o outcome) field() string { return o.verdict.Sent.Origin.Field }

// mode is what that level says.
func (o outcome) mode() networkingapi.ClientTLSSettings_TLSmode {
	return o.verdict.Sent.Settings.GetMode()
}

// where names the port that is called.
func (o outcome) where() string {
	where := fmt.Sprintf("port %d of %s", o.port.Number, o.d)
	if o.subset != "" {
		where += fmt.Sprintf(" (subset %s)", o.subset)
	}
	return where
}

// pod names the server.
func (o outcome) pod() string {
	return fmt.Sprintf("pod %s (port %d)", o.server.Example, o.server.Port)
}

// same says of how many other hosts the same is true.
func (o outcome) same() string {
	switch o.more {
	case 0:
		return ""
	case 1:
		return " The same is true of another host."
	default:
		return fmt.Sprintf(" The same is true of %d other hosts.", o.more)
	}
}

// question is what outcomes are looked for. A wildcard has many hosts: those that are out of the question are not gone into.
type question struct {
	at     func(*destinations.Destination) bool
	wanted func(outcome) bool
}

// anywhere is for questions that any host may answer.
func anywhere(*destinations.Destination) bool { return true }

// outcomes are those that are wanted, the first of each level of the rule: of its first host, port and pod in order.
func (t traffic) outcomes(rule *istionetworkingv1.DestinationRule, q question) []outcome {
	first := map[string]outcome{}
	for _, d := range t.called(hostOf(rule)) {
		if !q.at(d) {
			continue
		}
		for field, o := range t.outcomesAt(rule, d, q.wanted) {
			if earlier, known := first[field]; known {
				earlier.more++
				o = earlier
			}
			first[field] = o
		}
	}
	ordered := make([]outcome, 0, len(first))
	for _, field := range slices.Sorted(maps.Keys(first)) {
		ordered = append(ordered, first[field])
	}
	return ordered
}

func (t traffic) outcomesAt(
	rule *istionetworkingv1.DestinationRule, d *destinations.Destination, wanted func(outcome) bool,
) map[string]outcome {
	first := map[string]outcome{}
	for _, c := range t.callsUnder(rule, d) {
		for _, port := range d.Declared {
			for _, o := range t.outcomesOf(outcome{call: c, rule: rule, d: d, port: port}) {
				if _, known := first[o.field()]; !known && wanted(o) {
					first[o.field()] = o
				}
			}
		}
	}
	return first
}

// outcomesOf are what the call comes to at each server, where the rule has the TLS settings that decide. What the pods of a gateway
// take is for its own servers to say, so they are left out.
func (t traffic) outcomesOf(o outcome) []outcome {
	servers, known := t.servers(o)
	if !known {
		return nil
	}
	var all []outcome
	for _, server := range servers {
		o.server = server
		o.verdict = t.istio.Verdict(o.connection(t.view))
		origin := o.verdict.Sent.Origin
		if origin.Object == ref(model.KindDestinationRule, o.rule) && strings.HasSuffix(origin.Field, ".tls") {
			all = append(all, o)
		}
	}
	return all
}

func (o outcome) connection(v *view) istio.Connection {
	to := v.toward(o.d, o.port)
	to.Subset = o.subset
	connection := istio.Connection{Client: istio.ClientOf(o.client), To: to}
	if o.server != nil {
		connection.Server, connection.Port = &o.server.Workload, o.server.Port
	}
	return connection
}

// servers are the pods that the call may reach; a single nil where no pods are known at all. Known says that there is such a subset.
// Pods that keep the port from their proxy are another check's.
func (t traffic) servers(o outcome) (servers []*destinations.Endpoint, known bool) {
	labels, known := t.subsetLabels(o)
	if !known {
		return nil, false
	}
	if len(t.backends(o.d)) == 0 {
		return []*destinations.Endpoint{nil}, true
	}
	for _, server := range t.endpoints(o.d, o.port) {
		uncaptured := slices.Contains(server.Uncaptured, server.Port)
		if !server.Gateway && !uncaptured && pods.Matches(labels, server.Labels) {
			servers = append(servers, &server)
		}
	}
	return servers, true
}

// subsetLabels are the labels of the subset that is called.
func (t traffic) subsetLabels(o outcome) (map[string]string, bool) {
	if o.subset == "" {
		return nil, true
	}
	for _, s := range t.istio.Rule(istio.ClientOf(o.client), o.d.Host).Subsets {
		if s.Name == o.subset {
			return s.Rule.Spec.Subsets[s.Index].GetLabels(), true
		}
	}
	return nil, false
}

// hostOf is the rule's host as Istio reads it.
// Source: istio pilot/pkg/model/virtualservice.go, ResolveShortnameToFQDN.
func hostOf(rule *istionetworkingv1.DestinationRule) string {
	if hosts.IsWildcard(rule.Spec.Host) {
		return rule.Spec.Host
	}
	return hosts.Qualify(rule.Spec.Host, rule.Namespace)
}

// custom says whether the mode is TLS with certificates that are not the mesh's.
func custom(mode networkingapi.ClientTLSSettings_TLSmode) bool {
	return mode == networkingapi.ClientTLSSettings_SIMPLE || mode == networkingapi.ClientTLSSettings_MUTUAL
}

// saysMode says whether the rule has TLS settings of such a mode, at any level.
func saysMode(rule *istionetworkingv1.DestinationRule, is func(networkingapi.ClientTLSSettings_TLSmode) bool) bool {
	for tls := range tlsOf(&rule.Spec) {
		if is(tls.Mode) {
			return true
		}
	}
	return false
}

// isMode is saysMode's question for a single mode.
func isMode(mode networkingapi.ClientTLSSettings_TLSmode) func(networkingapi.ClientTLSSettings_TLSmode) bool {
	return func(other networkingapi.ClientTLSSettings_TLSmode) bool { return other == mode }
}
