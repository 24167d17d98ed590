package calls

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// facts are what one side says of a world: the outcomes of each call at each server.
type facts map[string]map[string]bool

// call names a call: who makes it, what is called, where it is sent, and which server takes it.
type call struct{ client, called, sent, server string }

func (c call) String() string {
	return fmt.Sprintf("%s calls %s, sent to %s, server %s", c.client, c.called, c.sent, c.server)
}

func (f facts) put(c call, outcome string) {
	if f[c.String()] == nil {
		f[c.String()] = map[string]bool{}
	}
	f[c.String()][outcome] = true
}

func (f facts) words(question string) string {
	return strings.Join(slices.Sorted(maps.Keys(f[question])), " or ")
}

// differences returns the calls that the two sides answer differently, in order.
func differences(generated, ours facts) []string {
	var found []string
	for _, question := range slices.Sorted(maps.Keys(union(generated, ours))) {
		if a, b := generated.words(question), ours.words(question); a != b && !one(generated[question], ours[question]) {
			found = append(found, fmt.Sprintf("%s: Istio says %q, internal/mesh says %q", question, a, b))
		}
	}
	return found
}

// one reports whether our one answer is among several of Istio's: what an application asks a gateway for is not known.
func one(generated, ours map[string]bool) bool {
	for outcome := range ours {
		return len(ours) == 1 && generated[outcome]
	}
	return false
}

func union(a, b facts) facts {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// tally counts the worlds, the calls by outcome, and what the worlds had in them.
type tally struct {
	sync.Mutex
	counts        map[string]int
	disagreements int
}

func (c *tally) add(compared facts, classes []string, disagreements int) {
	c.Lock()
	defer c.Unlock()
	if c.counts == nil {
		c.counts = map[string]int{}
	}
	for question := range compared {
		c.counts["outcome "+compared.words(question)]++
	}
	for _, class := range classes {
		c.counts["world with "+class]++
	}
	c.disagreements += disagreements
}

// String has a line for each class.
func (c *tally) String() string {
	var lines strings.Builder
	for _, name := range slices.Sorted(maps.Keys(c.counts)) {
		fmt.Fprintf(&lines, "\n  %6d %s", c.counts[name], name)
	}
	return fmt.Sprintf("%d disagreements%s", c.disagreements, lines.String())
}
