package stages

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/sets"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/evidence"
	"github.com/meshtls/meshtls/internal/rollout"
)

// seen returns what the answer says of the target.
func (t target) seen(a Answer, answered bool) rollout.Seen {
	if !answered {
		return rollout.Seen{}
	}
	o, missing := t.judged(a.Observation), t.missing(a)
	return rollout.Seen{
		// The time of the pass is in whole seconds, too.
		Outcome: o.Outcome, Doubt: o.Doubt, From: o.Window.From.Truncate(time.Second),
		Refusable: inOrder(o.Refusable), Missing: missing, Refused: a.Refused, Dirty: t.unproved(o, missing),
	}
}

// judged returns the observation without the calls that the policy ignores, and those to ports that it leaves alone.
func (t target) judged(o evidence.Observation) evidence.Observation {
	if len(o.Refusable) == 0 {
		return o
	}
	return o.Without(func(c evidence.Call) bool {
		cutOff := slices.ContainsFunc(t.Policy.Spec.Accept.Rollout.Ignore, func(i meshtlsv1alpha1.IgnoredClient) bool {
			return c.Client.Known() && i.Namespace == c.Client.Namespace && i.Workload == c.Client.Name
		})
		return cutOff || c.Port != 0 && slices.Contains(t.OwnPorts, c.Port)
	})
}

// inOrder orders calls by client, server and port, so that words do not change with who called last.
func inOrder(calls []evidence.Call) []evidence.Call {
	ordered := slices.Clone(calls)
	slices.SortStableFunc(ordered, func(a, b evidence.Call) int { return strings.Compare(wayOf(a), wayOf(b)) })
	return ordered
}

// wayOf tells calls apart by who calls what.
func wayOf(c evidence.Call) string {
	return fmt.Sprint(c.Client, " ", c.Server, " ", c.Service, " ", c.Port, c.Candidates, " ", c.Protocol)
}

// missing says what is not proved: clients that are expected and were not seen, or else what nobody called with mutual TLS.
func (t target) missing(a Answer) string {
	if expected := t.Policy.Spec.Accept.Rollout.ExpectClients; len(expected) > 0 {
		return notSeen(expected, a.Observation.Mutual)
	}
	if len(t.Selector) == 0 {
		return t.workloadsNotCalled(a)
	}
	ports := t.portsNotCalled(a)
	switch {
	case len(ports) > 0:
		return fmt.Sprintf("no call with mutual TLS is known of port %s. %s", few(ports), missingRemedy)
	case len(a.Observation.Mutual) == 0:
		return "no call with mutual TLS has been seen. " + missingRemedy
	default:
		return ""
	}
}

// portsNotCalled returns the ports of a workload that nobody is known to have called with mutual TLS.
func (t target) portsNotCalled(a Answer) []string {
	var ports []string
	for _, asked := range a.Targets {
		for _, p := range asked.Ports {
			if !slices.Contains(t.OwnPorts, p.Number) && !proved(a.Observation, p.Number) {
				ports = append(ports, fmt.Sprint(p.Number))
			}
		}
	}
	return ports
}

const missingRemedy = "If nobody need call, name the clients that must have been seen in spec.accept.rollout.expectClients, " +
	"or set gate to Timer."

// proved reports whether a call with mutual TLS came to the port.
func proved(o evidence.Observation, port int32) bool {
	return slices.ContainsFunc(o.Mutual, func(c evidence.Call) bool { return c.Port == port }) ||
		slices.ContainsFunc(o.Audit, func(p evidence.PortCount) bool { return p.Port == port && p.Mutual > 0 })
}

// workloadsNotCalled is missing for a namespace or the mesh, where ports are too many to be told apart.
func (t target) workloadsNotCalled(a Answer) string {
	called := t.strictAlready()
	for _, c := range a.Observation.Mutual {
		called.Insert(c.Server)
	}
	var silent []string
	for _, asked := range a.Targets {
		for _, name := range asked.Workloads {
			if w := (evidence.Workload{Namespace: asked.Namespace, Name: name}); !called.Has(w) {
				silent = append(silent, w.String())
			}
		}
	}
	switch {
	case len(silent) > 0:
		return fmt.Sprintf("no call with mutual TLS has been seen of %s. %s", few(silent), missingRemedy)
	case len(a.Observation.Mutual) == 0:
		return "no call with mutual TLS has been seen. " + missingRemedy
	default:
		return ""
	}
}

// strictAlready returns the workloads of which nothing has to be proved any more.
func (t target) strictAlready() sets.Set[evidence.Workload] {
	strict := sets.New[evidence.Workload]()
	if !t.perWorkload() {
		return strict
	}
	for _, u := range t.force().Strict {
		strict.Insert(evidence.Workload{Namespace: t.Namespace, Name: u.Workload})
	}
	return strict
}

// notSeen names the expected clients that did not call with mutual TLS.
func notSeen(expected []meshtlsv1alpha1.ExpectedClient, mutual []evidence.Call) string {
	var absent []string
	for _, e := range expected {
		client := evidence.Workload{Namespace: e.Namespace, Name: e.Workload}
		if !slices.ContainsFunc(mutual, func(c evidence.Call) bool { return c.Client == client }) {
			absent = append(absent, client.String())
		}
	}
	if len(absent) == 0 {
		return ""
	}
	return fmt.Sprintf("%s of spec.accept.rollout.expectClients has not been seen with mutual TLS.", few(absent))
}

// named is how many names a sentence has.
const named = 5

// few names the first ones, and counts the others.
func few(names []string) string {
	if more := len(names) - named; more > 0 {
		return strings.Join(names[:named], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(names, ", ")
}
