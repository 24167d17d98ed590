package mesh

import (
	"iter"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
)

// RefusedPlaintext yields the calls of the port that a server refuses because they are plaintext, where no object has the client send
// plaintext: Istio chooses it.
func (v *View) RefusedPlaintext(d *destinations.Destination, port destinations.Port) iter.Seq[Outcome] {
	return func(yield func(Outcome) bool) {
		for _, client := range v.Clients().All {
			for _, o := range v.Outcomes(DirectCall(client, d, port)) {
				chosen := o.Sent.Mode == meshtlsv1alpha1.SendDisable && o.Sent.Settings == nil
				if o.Kind == istio.Refused && chosen && o.Server != nil && !yield(o) {
					return
				}
			}
		}
	}
}
