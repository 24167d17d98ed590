package importer

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/sets"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/model"
)

// settle takes back candidates until what is left makes no difference.
func (d *draft) settle() {
	before := d.mesh.newWorld(nil)
	over := d.mesh.newUniverse()
	for len(d.candidates) > 0 {
		after := d.mesh.newWorld(d.candidates)
		if d.withdrawAll(after.notRendered(d.candidates)) {
			continue
		}
		for _, c := range d.candidates {
			c.gains = false
		}
		if !d.withdrawAll(d.differing(before, after, over)) {
			return
		}
	}
}

// notRendered are the candidates of which the operator would not render everything.
func (w *world) notRendered(candidates []*candidate) []withdrawal {
	var refused []withdrawal
	for _, c := range candidates {
		outcome := w.outcomes[keyOf(c)]
		if outcome.Standing == outcome.Asked {
			continue
		}
		why := "The operator would not render all of it."
		for _, f := range outcome.Findings {
			if f.Severity == meshtlsv1alpha1.SeverityError {
				why = "The operator would not render all of it. " + f.Message
				break
			}
		}
		refused = append(refused, withdrawal{c, why})
	}
	return refused
}

// differing finds the first difference of each object between the worlds, and the candidates that are behind it.
func (d *draft) differing(before, after *world, over *universe) []withdrawal {
	for _, revision := range d.mesh.revisions() {
		was := before.seen(revision, byName)
		for _, as := range []order{byName, byNameReversed} {
			c := comparison{before: before, after: after, was: was, is: after.seen(revision, as), over: over, all: d.candidates}
			for _, compare := range []func(){c.accepts, c.sends, c.listeners} {
				if compare(); len(c.found) > 0 {
					return c.found
				}
			}
		}
	}
	return nil
}

// comparison is of what one control plane makes of two worlds.
type comparison struct {
	before, after *world
	was, is       *istio.Model
	over          *universe
	all           []*candidate
	found         []withdrawal
}

// blame notes a difference. Without anybody to blame, all of the kind are.
func (c *comparison) blame(behind []*candidate, kind, why string) {
	if len(behind) == 0 {
		for _, each := range c.all {
			if each.kind == kind {
				behind = append(behind, each)
			}
		}
	}
	if len(behind) == 0 {
		behind = c.all
	}
	for _, each := range behind {
		if !slices.ContainsFunc(c.found, func(w withdrawal) bool { return w.candidate == each }) {
			c.found = append(c.found, withdrawal{each, why})
		}
	}
}

// behind are the candidates that are behind the objects, each once, of the kind only.
func (c *comparison) behind(kind string, refs ...model.ObjectRef) []*candidate {
	seen := sets.New[*candidate]()
	var found []*candidate
	for _, ref := range refs {
		for _, each := range c.after.behind[ref] {
			if (kind == "" || each.kind == kind) && !seen.Has(each) {
				seen.Insert(each)
				found = append(found, each)
			}
		}
	}
	return found
}

// accepts compares what the workloads accept.
func (c *comparison) accepts() {
	for _, w := range c.over.workloads {
		was, is := c.was.Accept(w), c.is.Accept(w)
		ports := sets.New[int32](0) // 0 is none of the ports, and stands for the others
		for _, p := range slices.Concat(was.Ports, is.Ports) {
			ports.Insert(p.Port)
		}
		for _, port := range sets.List(ports) {
			a, b := was.Port(port), is.Port(port)
			if a.Mode == b.Mode {
				continue
			}
			what := "pods " + labelWords(w.Labels) + " of namespace " + w.Namespace
			if port != 0 {
				what = fmt.Sprintf("port %d of %s", port, what)
			}
			c.blame(c.behind(model.KindPeerAuthentication, a.Origin.Object, b.Origin.Object), model.KindPeerAuthentication,
				fmt.Sprintf("Imported, it would have another effect: %s would accept %s in place of %s.", what, b.Mode, a.Mode))
		}
	}
}

func labelWords(labels map[string]string) string {
	if len(labels) == 0 {
		return "without labels"
	}
	key := selectorKey(labels)
	return key[:len(key)-1]
}

// listeners compares what the gateways serve.
func (c *comparison) listeners() {
	for _, w := range c.over.gateways {
		was, is := served(c.was.Listeners(w)), served(c.is.Listeners(w))
		for _, at := range sets.List(sets.KeySet(was).Union(sets.KeySet(is))) {
			a, b := was[at], is[at]
			if slices.Equal(a.words, b.words) {
				continue
			}
			c.blame(c.behind(model.KindGateway, append(a.refs, b.refs...)...), model.KindGateway,
				fmt.Sprintf("Imported, it would have another effect: on %s, gateway pods %s would not serve the same.", at, labelWords(w.Labels)))
		}
	}
}
