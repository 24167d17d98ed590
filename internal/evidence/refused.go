package evidence

import "slices"

// refused asks for what Strict refused: ztunnel says so by client, a sidecar counts where it is told to.
func (a *asking) refused(q Queries, t Target, w Window) Refusals {
	var r Refusals
	for _, sample := range a.vector(q.Denied(w.Length())) {
		c := callOf(labelsOf(sample))
		c.Count = atLeastOne(sample.Value)
		c.LastSeen = w.To
		c.Port, c.Candidates = portOf(t, c)
		r.Calls = append(r.Calls, c.Call)
		r.Count += c.Count
	}
	r.Calls = merged(r.Calls)
	ambient := func(p Pod) bool { return p.Proxy.Ztunnel }
	sidecars := slices.DeleteFunc(slices.Clone(t.Pods), ambient)
	if len(sidecars) == 0 {
		r.Visible = len(t.Pods) > 0
		return r
	}
	counters := a.vector(q.NoChain(w.Length()))
	if len(counters) == 0 {
		r.Doubt = noChainDoubt
		return r
	}
	r.Visible = true
	r.Count += int64(counters[0].Value + 0.5)
	return r
}

const noChainDoubt = "The sidecars do not count what they refuse: their pods lack the annotation " +
	"sidecar.istio.io/statsInclusionSuffixes: no_filter_chain_match."
