package conformance_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/test/conformance/intent"
	"github.com/meshtls/meshtls/test/conformance/oracle"
	"github.com/meshtls/meshtls/test/worlds"
)

const (
	// variableWorlds is the number of random worlds, variableFirst the seed of the first. Half of the worlds have other people's Istio
	// objects in it; variableForeign makes it all (1) or none (0).
	variableWorlds, variableFirst, variableForeign = "INTENT_WORLDS", "INTENT_FIRST", "INTENT_FOREIGN"
	defaultWorlds                                  = 300
	// mostTimid is how many policies, in percent, may be not Ready although Istio does all that they say.
	mostTimid = 2.0
)

// TestIntent holds the promise of the project to random worlds: where a policy is Ready, Istio does what its spec asks. The
// counts say that the promise is not kept by never being Ready.
func TestIntent(t *testing.T) {
	var total tally
	first := worlds.Setting(t, variableFirst, 0)
	t.Run("worlds", func(t *testing.T) {
		overSeeds(t, first, first+worlds.Setting(t, variableWorlds, defaultWorlds), func(t *testing.T, seed uint64) {
			t.Helper()
			drawn := drawnWorld(seed)
			total.drawn(drawn.Classes)
			w := settledWorld(t, seed, drawn)
			report(t, w.violations(t, w.operated.World, &total))
			w.explain(t)
		})
	})
	t.Logf("%d worlds, %d policies admitted, %d Ready; claims checked: %v; not Ready although Istio does it all: %v (%.1f %% of the "+
		"policies, without what is missing, in conflict or refused by servers); drawn: %v",
		total.worlds, total.policies, total.ready, total.claims, total.timid, total.timidShare(), total.classes)
	total.demandWeight(t)
	oracle.Record(t, "intent", "%d worlds, %d policies, %d of them Ready", total.worlds, total.policies, total.ready)
}

// drawnWorld returns the wide world of a seed, every second time with few policies that speak of what is there, and some with
// rollouts at any stage.
func drawnWorld(seed uint64) worlds.Drawn {
	drawn := worlds.Wide(seed)
	if seed/2%2 == 0 { // the seed itself says how old objects are, and whether there are other people's
		drawn = worlds.Apt(drawn)
	}
	if rolls(seed) {
		worlds.Roll(seed, drawn.Policies)
		drawn.Classes = append(drawn.Classes, "rollouts")
	}
	return drawn
}

// rolls reports whether there are rollouts in the world of a seed: in one of three.
func rolls(seed uint64) bool { return seed%3 == 0 }

// overSeeds runs the test for each seed. A parallel test is kept until its group is done, and with it Istio's control plane. So there are
// few of them, and the worlds of each come one after the other.
func overSeeds(t *testing.T, first, end uint64, test func(t *testing.T, seed uint64)) {
	t.Helper()
	workers := uint64(runtime.GOMAXPROCS(0)) // #nosec G115 -- a small number
	for worker := range workers {
		t.Run(fmt.Sprintf("worker=%d", worker), func(t *testing.T) {
			t.Parallel()
			for seed := first + worker; seed < end; seed += workers {
				t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { test(t, seed) })
			}
		})
	}
}

// report tells the first violation of each policy and kind, and how many more there are.
func report(t *testing.T, violations []intent.Violation) {
	t.Helper()
	type subject struct {
		policy types.NamespacedName
		kind   intent.Kind
	}
	count := map[subject]int{}
	for _, v := range violations {
		count[subject{v.Policy, v.Kind}]++
	}
	for _, v := range violations {
		if n := count[subject{v.Policy, v.Kind}]; n > 0 {
			t.Errorf("%s (and %d more of kind %s)", v, n-1, v.Kind)
			delete(count, subject{v.Policy, v.Kind})
		}
	}
}

// explain shows the policies and what was made of them, where something is wrong.
func (w world) explain(t *testing.T) {
	t.Helper()
	if !t.Failed() {
		return
	}
	stream, err := w.operated.World.Without(func(o *unstructured.Unstructured) bool {
		shown := []string{policyKind.Kind, model.KindPeerAuthentication, model.KindDestinationRule, model.KindGateway}
		return !slices.Contains(shown, o.GetKind())
	}).YAML()
	t.Logf("Ready: %v (%v)\n%s", w.ready, err, stream)
}

// tally counts what was looked at.
type tally struct {
	mutex sync.Mutex

	worlds, policies, ready int
	claims                  map[intent.Kind]int
	// timid counts, by reason, the policies that are not Ready and have claims, all of them kept.
	timid map[string]int
	// examples are some of these policies, with their messages.
	examples []string
	// classes counts the worlds in which there is something of a class.
	classes map[string]int
}

// otherReasons are those of policies of which something is not done, and of which nothing is claimed: what does not exist yet, what an
// older policy decides, what Istio does and the servers refuse, and rollouts that wait for somebody.
var otherReasons = []string{
	meshtlsv1alpha1.ReasonHostNotFound, meshtlsv1alpha1.ReasonPortNotFound, meshtlsv1alpha1.ReasonRefused,
	meshtlsv1alpha1.ReasonConflicted, meshtlsv1alpha1.ReasonPartlyConflicted,
	meshtlsv1alpha1.ReasonRolloutUndone, meshtlsv1alpha1.ReasonRolloutBlocked,
}

// timidShare returns the part of the policies, in percent, that are not Ready although Istio does all that they say.
func (c *tally) timidShare() float64 {
	timid := 0
	for reason, n := range c.timid {
		if !slices.Contains(otherReasons, reason) {
			timid += n
		}
	}
	return 100 * float64(timid) / float64(max(c.policies, 1))
}

// drawn counts the classes of a world.
func (c *tally) drawn(names []string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.classes == nil {
		c.classes = map[string]int{}
	}
	for _, name := range names {
		c.classes[name]++
	}
}

// demandWeight fails a run that would prove little.
func (c *tally) demandWeight(t *testing.T) {
	if c.ready*5 < c.policies {
		t.Errorf("only %d of %d policies are Ready: the property says too little", c.ready, c.policies)
	}
	if share := c.timidShare(); share > mostTimid && c.worlds >= defaultWorlds {
		t.Errorf("%.1f %% of the policies are not Ready although Istio does all that they say:\n%s", share, strings.Join(c.examples, "\n"))
	}
	for _, name := range worlds.Classes() {
		if c.classes[name] == 0 && c.worlds >= defaultWorlds {
			t.Errorf("no world has anything of class %s", name)
		}
	}
	for _, kind := range []intent.Kind{intent.KindAccept, intent.KindReach, intent.KindSend, intent.KindServe} {
		if c.claims[kind] < c.worlds/4 {
			t.Errorf("only %d claims of kind %s in %d worlds", c.claims[kind], kind, c.worlds)
		}
	}
}

// world is a random world in which the operator has come to rest.
type world struct {
	operated oracle.Operated
	spoken   intent.World
	ready    map[string]string // policy → reason of its Ready condition
	messages map[string]string // policy → message of its Ready condition
}

// violations returns the claims of Ready policies that Istio does not keep, in the objects that are given. Each control plane revision
// is asked about the policies that are for it; that of a revision also reads the objects of policies that name none.
func (w world) violations(t *testing.T, objects oracle.World, count *tally) []intent.Violation {
	t.Helper()
	var violations []intent.Violation
	for _, revision := range []string{"", "canary"} {
		spoken := w.spoken
		spoken.Policies = slices.DeleteFunc(slices.Clone(spoken.Policies), func(p *meshtlsv1alpha1.MeshTLSPolicy) bool {
			return p.Labels[meshtlsv1alpha1.LabelRevision] != "" && p.Labels[meshtlsv1alpha1.LabelRevision] != revision
		})
		addressed := slices.ContainsFunc(spoken.Policies, func(p *meshtlsv1alpha1.MeshTLSPolicy) bool {
			return p.Labels[meshtlsv1alpha1.LabelRevision] == revision
		})
		if addressed {
			violations = append(violations, w.violationsIn(t, objects, revision, spoken, count)...)
		}
	}
	count.add(w)
	return violations
}

func (w world) violationsIn(t *testing.T, objects oracle.World, revision string, spoken intent.World, count *tally) []intent.Violation {
	t.Helper()
	judge := judgeOf(t, objects, revision)
	if err := complete(t.Context(), &spoken, judge.Mesh, objects); err != nil {
		t.Fatal(err)
	}
	broken, kept := map[string]bool{}, map[string]bool{}
	var violations []intent.Violation
	for _, claim := range spoken.Claims() {
		if claim.Revision != revision {
			continue
		}
		policy := claim.Policy.String()
		ready := w.ready[policy] == meshtlsv1alpha1.ReasonReady
		violation, violated := claim.Violated(judge)
		kept[policy], broken[policy] = true, broken[policy] || violated
		if ready {
			count.claim(claim.Kind)
		}
		if ready && violated {
			violations = append(violations, violation)
		}
	}
	for policy := range kept {
		if !broken[policy] && w.ready[policy] != meshtlsv1alpha1.ReasonReady {
			count.tooTimid(w.ready[policy], fmt.Sprintf("%s: %s: %s", policy, w.ready[policy], w.messages[policy]))
		}
	}
	return violations
}

func (c *tally) claim(kind intent.Kind) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.claims == nil {
		c.claims = map[intent.Kind]int{}
	}
	c.claims[kind]++
}

func (c *tally) tooTimid(reason, example string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.timid == nil {
		c.timid = map[string]int{}
	}
	c.timid[reason]++
	if !slices.Contains(otherReasons, reason) {
		c.examples = append(c.examples, example)
	}
}

func (c *tally) add(w world) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.worlds++
	c.policies += len(w.ready)
	for _, reason := range w.ready {
		if reason == meshtlsv1alpha1.ReasonReady {
			c.ready++
		}
	}
}
