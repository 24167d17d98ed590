package differential

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/model"
)

// facts are what one side says about a world: each answer by its question.
type facts map[string]string

func (f facts) put(answer, question string, args ...any) { f[fmt.Sprintf(question, args...)] = answer }

// differences returns the questions that the two sides answer differently, in order.
func differences(generated, ours facts) []string {
	var found []string
	questions := maps.Clone(generated)
	maps.Copy(questions, ours)
	for _, question := range slices.Sorted(maps.Keys(questions)) {
		if generated[question] != ours[question] {
			found = append(found, fmt.Sprintf("%s: Istio says %q, internal/istio says %q", question, generated[question], ours[question]))
		}
	}
	return found
}

// tally counts what was compared, over all worlds.
type tally struct {
	sync.Mutex
	// kinds counts the comparisons by the first word of the question.
	kinds         map[string]int
	disagreements int
}

func (c *tally) add(compared facts, disagreements int) {
	c.Lock()
	defer c.Unlock()
	if c.kinds == nil {
		c.kinds = map[string]int{}
	}
	for question := range compared {
		kind, _, _ := strings.Cut(question, " ")
		c.kinds[kind]++
	}
	c.disagreements += disagreements
}

func (c *tally) total() int {
	total := 0
	for _, n := range c.kinds {
		total += n
	}
	return total
}

func (c *tally) String() string {
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(c.kinds)) {
		parts = append(parts, fmt.Sprintf("%s %d", kind, c.kinds[kind]))
	}
	return fmt.Sprintf("%d comparisons (%s), %d disagreements", c.total(), strings.Join(parts, ", "), c.disagreements)
}

// mustCover fails where nothing of a kind was compared: then the agreement means nothing.
func (c *tally) mustCover(t *testing.T, kinds ...string) {
	t.Helper()
	for _, kind := range kinds {
		if c.kinds[kind] == 0 {
			t.Errorf("no world asked for %s", kind)
		}
	}
}

// acceptPorts are asked about at every workload: declared by Services, named by PeerAuthentications, and neither.
var acceptPorts = []int32{8080, 8443, 9000, 7000, 6000}

// ourFacts returns what internal/istio says.
func ourFacts(w world) facts {
	m, found := istio.New(w.objects), facts{}
	for _, p := range w.pods {
		if p.Dataplane != model.DataplaneSidecar {
			continue
		}
		acceptance := m.Accept(p.Workload)
		for _, port := range acceptPorts {
			found.put(string(acceptance.Port(port).Mode), "accept %s/%s:%d", p.Namespace, p.Example, port)
		}
	}
	for _, c := range w.clients {
		for _, s := range w.services {
			ourSends(m, w, c, s, found)
		}
	}
	ourGateway(m, w, found)
	return found
}

func ourSends(m *istio.Model, w world, c caller, s service, found facts) {
	choice := m.Rule(c.Client, s.host())
	rule := ""
	if len(choice.Rules) > 0 {
		rule = choice.Rules[0].Namespace + "/" + choice.Rules[0].Name
	}
	subsets := []string{""}
	for _, subset := range choice.Subsets {
		subsets = append(subsets, subset.Name)
	}
	for _, port := range s.ports {
		for _, subset := range subsets {
			to := istio.Destination{Host: s.host(), Port: port.number, Subset: subset, Headless: s.headless}
			for _, p := range endpointsOf(s, w.pods) {
				to.Endpoints = append(to.Endpoints, p.Workload)
			}
			sent := m.Sends(c.Client, to)
			question := fmt.Sprintf("%s/%s to %s:%d %s", c.Namespace, c.name, s.host().Name, port.number, subset)
			found.put(rule, "rule %s", question)
			found.put(sentWords(sent), "sends %s", question)
			if sent.Mode != meshtlsv1alpha1.SendAuto {
				continue
			}
			for _, p := range endpointsOf(s, w.pods) {
				if !inSubset(choice, subset, p.Labels) {
					continue
				}
				verdict := m.Verdict(istio.Connection{Client: c.Client, To: to, Server: p.Workload, Port: port.target})
				found.put(string(verdict.Sent.Mode), "endpoint %s of %s", question, p.Example)
			}
		}
	}
}

func inSubset(choice istio.Choice, name string, labels map[string]string) bool {
	for _, subset := range choice.Subsets {
		if subset.Name == name {
			return labels["version"] == subset.Rule.Spec.Subsets[subset.Index].Labels["version"]
		}
	}
	return true
}

// sentWords has the SNI, which tells where the settings are written.
func sentWords(sent istio.TLS) string {
	switch sent.Mode {
	case meshtlsv1alpha1.SendSimple, meshtlsv1alpha1.SendMutual, meshtlsv1alpha1.SendIstioMutual:
		return strings.TrimSpace(string(sent.Mode) + " " + sent.Settings.GetSni())
	default:
		return string(sent.Mode)
	}
}

func ourGateway(m *istio.Model, w world, found facts) {
	for _, listener := range m.Listeners(w.gateway.Workload).Listeners {
		var servers []string
		chains := map[string]bool{}
		for _, s := range listener.Servers {
			servers = append(servers, s.Ref().Namespace+"/"+s.Ref().Name+"/"+s.Spec().Port.Name)
			if chain := chainWords(s); chain != "" {
				chains[chain] = true
			}
		}
		slices.Sort(servers)
		found.put(strings.Join(servers, " "), "servers %s:%d", listener.Bind, listener.Port)
		if len(chains) > 0 {
			found.put(strings.Join(slices.Sorted(maps.Keys(chains)), "; "), "chains %s:%d", listener.Bind, listener.Port)
		}
	}
}

// chainWords returns the filter chain that comes of a server; empty where that depends on routes that the world does not have.
func chainWords(s istio.Server) string {
	tls := s.Spec().GetTls()
	switch protocol := s.Spec().Port.Protocol; {
	case s.PlainHTTP():
		return "HTTP"
	case s.PassesThrough():
		return ""
	case protocol != "HTTPS" && !slices.ContainsFunc(s.Hosts, takesRawRoute):
		return "" // the raw route is not in the namespaces that the hosts are for
	case tls == nil:
		return "TCP"
	default:
		return tls.Mode.String() + " " + serverNames(s.Names())
	}
}

// takesRawRoute reports whether the route for raw TCP, which is the root namespace's, may bind to the host.
func takesRawRoute(host string) bool {
	return !strings.Contains(host, "/") || strings.HasPrefix(host, root+"/")
}

func serverNames(names []string) string {
	if slices.Contains(names, "*") {
		return "any"
	}
	names = slices.Clone(names)
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ",")
}
