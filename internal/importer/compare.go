package importer

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/sets"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// settle takes back candidates until what is left makes no difference.
func (d *draft) settle() error {
	before := d.original.seenByAll()
	for len(d.candidates) > 0 {
		after, err := d.original.projected(d.candidates)
		if err != nil {
			return err
		}
		if d.withdrawAll(after.notRendered(d.candidates)) {
			continue
		}
		for _, c := range d.candidates {
			c.gains = false
		}
		if !d.withdrawAll(d.differing(before, after)) {
			return nil
		}
	}
	return nil
}

// notRendered returns the candidates that the operator would not render in full.
func (p *projection) notRendered(candidates []*candidate) []withdrawal {
	var refused []withdrawal
	for _, c := range candidates {
		outcome := p.outcomes[keyOf(c)]
		if outcome.Accepted == outcome.Asked {
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

// before is the mesh without any candidate, as one control plane sees it.
type before struct {
	*projection
	view *mesh.View
	over *universe
}

// seenByAll returns the mesh without any candidate, as the control plane of each revision sees it.
func (m *original) seenByAll() []before {
	var all []before
	for _, revision := range m.revisions() {
		view := m.unchanged.seen(revision, byName)
		all = append(all, before{projection: m.unchanged, view: view, over: m.newUniverse(view)})
	}
	return all
}

// differing returns the candidates behind the first difference that a control plane sees.
func (d *draft) differing(all []before, after *projection) []withdrawal {
	for _, b := range all {
		for _, as := range []order{byName, byNameReversed} {
			c := comparison{
				before: b.projection, after: after, was: b.view, is: after.seen(b.view.Revision(), as), over: b.over, all: d.candidates,
			}
			for _, compare := range []func(){c.accepts, c.sends, c.listeners} {
				if compare(); len(c.found) > 0 {
					return c.found
				}
			}
		}
	}
	return nil
}

// comparison compares what one control plane makes of the mesh before and after the import.
type comparison struct {
	before, after *projection
	was, is       *mesh.View
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

// behind returns the candidates that are behind the objects, each once, of the kind only.
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
