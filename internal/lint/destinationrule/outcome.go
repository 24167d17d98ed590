package destinationrule

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// outcome is what becomes of a call whose TLS the settings of a DestinationRule decide.
type outcome struct {
	*mesh.Outcome
	// more counts the rule's other hosts that have the same outcome.
	more int
}

// field returns the level of the rule that decides.
func (o outcome) field() string { return o.Sent.Origin.Field }

// mode returns the mode of that level.
func (o outcome) mode() networkingapi.ClientTLSSettings_TLSmode { return o.Sent.Settings.GetMode() }

// where names the port that is called.
func (o outcome) where() string {
	where := fmt.Sprintf("port %d of %s", o.Call.Number, o.Call.Destination)
	if o.Call.Subset != "" {
		where += fmt.Sprintf(" (subset %s)", o.Call.Subset)
	}
	return where
}

// endpoint names the server: a pod, or an address that a ServiceEntry lists.
func (o outcome) endpoint() string {
	kind := "pod"
	if o.Call.Destination.Entry != nil {
		kind = "endpoint"
	}
	return fmt.Sprintf("%s %s (port %d)", kind, o.Server.Example, o.Server.Port)
}

// same counts the other hosts that have the same outcome.
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

// sendsCustom reports whether TLS with certificates other than the mesh's leaves the client.
func (o outcome) sendsCustom() bool {
	return o.Sent.Mode == meshtlsv1alpha1.SendSimple || o.Sent.Mode == meshtlsv1alpha1.SendMutual
}

// question selects outcomes. A wildcard has many hosts: those that at excludes are not looked into.
type question struct {
	at     func(*destinations.Destination) bool
	wanted func(outcome) bool
}

// anywhere selects every host.
func anywhere(*destinations.Destination) bool { return true }

// outcomesOf returns the outcomes that answer the question, the first of each level of the rule: of its first host, port and endpoint.
func outcomesOf(v *mesh.View, rule *istionetworkingv1.DestinationRule, q question) []outcome {
	first := map[string]outcome{}
	for _, d := range v.Destinations().Under(v.HostOf(rule)) {
		if !q.at(d) {
			continue
		}
		for field, o := range outcomesAt(v, rule, d, q.wanted) {
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

func outcomesAt(
	v *mesh.View, rule *istionetworkingv1.DestinationRule, d *destinations.Destination, wanted func(outcome) bool,
) map[string]outcome {
	first := map[string]outcome{}
	for _, o := range decidedAt(v, rule, d) {
		if _, known := first[o.field()]; !known && wanted(o) {
			first[o.field()] = o
		}
	}
	return first
}

// decided are the outcomes of calls that a DestinationRule decides: several checks ask for them.
type decided []outcome

func decidedAt(v *mesh.View, rule *istionetworkingv1.DestinationRule, d *destinations.Destination) decided {
	type governed struct {
		rule *istionetworkingv1.DestinationRule
		d    *destinations.Destination
	}
	return mesh.DerivedFor(v, governed{rule, d}, func(v *mesh.View) decided {
		var all decided
		for _, call := range mesh.GovernedCalls(v, rule, d) {
			for _, o := range judged(v, call) {
				if decides(rule, o) {
					all = append(all, o)
				}
			}
		}
		return all
	})
}

// judged returns the outcomes of the call at each endpoint. What the pods of a gateway take is for its own servers to say, and ports that
// annotations keep from the proxy are another check's.
func judged(v *mesh.View, call mesh.Call) []outcome {
	outcomes := v.Outcomes(call)
	all := make([]outcome, 0, len(outcomes))
	for i := range outcomes {
		if o := &outcomes[i]; !o.AtGateway && !o.Uncaptured {
			all = append(all, outcome{Outcome: o})
		}
	}
	return all
}

// decides reports whether TLS settings of the rule decide what is sent.
func decides(rule *istionetworkingv1.DestinationRule, o outcome) bool {
	origin := o.Sent.Origin
	return origin.Object == model.RefOf(model.KindDestinationRule, rule) && strings.HasSuffix(origin.Field, ".tls")
}

// custom reports whether the mode is TLS with certificates other than the mesh's.
func custom(mode networkingapi.ClientTLSSettings_TLSmode) bool {
	return mode == networkingapi.ClientTLSSettings_SIMPLE || mode == networkingapi.ClientTLSSettings_MUTUAL
}

// saysMode reports whether the rule has TLS settings of such a mode, at any level.
func saysMode(rule *istionetworkingv1.DestinationRule, is func(networkingapi.ClientTLSSettings_TLSmode) bool) bool {
	for tls := range mesh.TLSOf(&rule.Spec) {
		if is(tls.Mode) {
			return true
		}
	}
	return false
}

// isMode asks saysMode for a single mode.
func isMode(mode networkingapi.ClientTLSSettings_TLSmode) func(networkingapi.ClientTLSSettings_TLSmode) bool {
	return func(other networkingapi.ClientTLSSettings_TLSmode) bool { return other == mode }
}
