package evidence

import "slices"

// Together returns what several observations say of all their targets. One that is Found makes it so, and else one that is Unknown. It
// looks as far back as all of them do.
func Together(all []Observation) Observation {
	var sum Observation
	var doubts []string
	for i, o := range all {
		if i == 0 {
			sum.Source, sum.Window = o.Source, o.Window
		}
		if o.Window.From.After(sum.Window.From) {
			sum.Window.From = o.Window.From
		}
		sum.Coverage.Pods += o.Coverage.Pods
		sum.Coverage.Reporting += o.Coverage.Reporting
		sum.Coverage.Requests += o.Coverage.Requests
		sum.Coverage.MutualTLS += o.Coverage.MutualTLS
		sum.Refusable = append(sum.Refusable, o.Refusable...)
		sum.Mutual = append(sum.Mutual, o.Mutual...)
		if o.Doubt != "" && !slices.Contains(doubts, o.Doubt) {
			doubts = append(doubts, o.Doubt)
		}
	}
	const most = 3
	sum.Doubt = sentences(doubts[:min(most, len(doubts))]...)
	sum.Outcome = outcomeOf(sum)
	return sum
}
