package destinationrule

import (
	"fmt"
	"iter"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "destinationrule-port-drops-tls",
			Severity: []lint.Severity{lint.Error, lint.Warning},
			Classes:  []string{"M21"},
			Finds: "`portLevelSettings` without `tls` under a destination, or a subset, that has some, where something else is sent " +
				"to the port for that. Under `SIMPLE` or `MUTUAL` it is a warning where no workload at all is known.",
			Why: "A port's settings replace the destination's as a whole. Under `SIMPLE` or `MUTUAL` the port gets plaintext, also " +
				"toward pods with a sidecar: Istio goes on to mark these by the mode of the destination, and so does not use " +
				"mutual TLS of itself either.",
			Fix: "Repeat the `tls` in the port's settings.",
		},
		Find: portDropsTLS,
	})
}

// portDropsTLS tells of settings for a port that replace the destination's, its tls with them, where something else
// is sent in consequence. It is no auto mTLS as a rule: Istio goes on to mark the endpoints by the mode of the destination.
// Source: istio pilot/pkg/networking/util/util.go, GetPortLevelTrafficPolicy; pilot/pkg/xds/endpoints/mtls_checker.go,
// tlsModeForDestinationRule.
func portDropsTLS(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for _, rule := range v.DestinationRules() {
		for entry := range portsWithoutTLS(&rule.Spec) {
			o, drops := dropping(v, rule, entry)
			if !drops {
				findings = append(findings, dropForNobodyKnown(v, rule, entry)...)
				continue
			}
			f := lint.Finding(lint.Error, model.KindDestinationRule, rule, entry.field)
			f.Message = fmt.Sprintf("The settings of a port replace those of the destination, and these have no tls: for %s the mode is not %s, "+
				"and clients send %s.%s%s", o.where(), entry.above.Mode, sentWords(o.Sent), unaided(o, entry.above), o.same())
			f.Remedy = fmt.Sprintf("Repeat the tls in %s.", entry.field)
			findings = append(findings, f)
		}
	}
	return findings
}

// dropForNobodyKnown tells of an entry where no workload is known: clients that are known are judged themselves.
func dropForNobodyKnown(v *mesh.View, rule *istionetworkingv1.DestinationRule, entry portWithoutTLS) []model.Finding {
	if v.Partial() || len(v.Workloads()) > 0 || !custom(entry.above.Mode) {
		return nil
	}
	f := lint.Finding(lint.Warning, model.KindDestinationRule, rule, entry.field)
	f.Message = fmt.Sprintf("The settings of a port replace those of the destination, and these have no tls: where a client has a "+
		"proxy, what it sends to port %d leaves in plaintext, and not with TLS of mode %s.", entry.number, entry.above.Mode)
	f.Remedy = fmt.Sprintf("Repeat the tls in %s.", entry.field)
	return []model.Finding{f}
}

// portWithoutTLS is a port's settings without tls, under a level that has some.
type portWithoutTLS struct {
	field  string
	number uint32
	above  *networkingapi.ClientTLSSettings
	// subset is that in which they are written; empty: the destination's.
	subset string
}

// portsWithoutTLS returns the port entries of a rule that have no tls.
func portsWithoutTLS(rule *networkingapi.DestinationRule) iter.Seq[portWithoutTLS] {
	return func(yield func(portWithoutTLS) bool) {
		top := rule.TrafficPolicy.GetTls()
		if !portsOfPolicy(rule.TrafficPolicy, portWithoutTLS{field: "spec.trafficPolicy", above: top}, yield) {
			return
		}
		for i, subset := range rule.Subsets {
			above := top
			if subset.TrafficPolicy.GetTls() != nil {
				above = subset.TrafficPolicy.Tls
			}
			level := portWithoutTLS{field: fmt.Sprintf("spec.subsets[%d].trafficPolicy", i), above: above, subset: subset.Name}
			if !portsOfPolicy(subset.TrafficPolicy, level, yield) {
				return
			}
		}
	}
}

func portsOfPolicy(policy *networkingapi.TrafficPolicy, level portWithoutTLS, yield func(portWithoutTLS) bool) bool {
	for i, port := range policy.GetPortLevelSettings() {
		entry := level
		entry.field, entry.number = fmt.Sprintf("%s.portLevelSettings[%d]", level.field, i), port.GetPort().GetNumber()
		if port.Tls == nil && level.above != nil && !yield(entry) {
			return false
		}
	}
	return true
}

// unaided says why Istio does not use mutual TLS of itself toward a pod that could.
func unaided(o outcome, above *networkingapi.ClientTLSSettings) string {
	if o.Server == nil || o.Server.Dataplane != model.DataplaneSidecar || !custom(above.Mode) ||
		o.Sent.Mode != meshtlsv1alpha1.SendDisable {
		return ""
	}
	return " Istio does not use mutual TLS of itself either, since it marks the pods by the mode of the destination."
}

// sentWords say what leaves a client.
func sentWords(sent istio.TLS) string {
	switch sent.Mode {
	case meshtlsv1alpha1.SendIstioMutual:
		return "the mesh's mutual TLS"
	case meshtlsv1alpha1.SendDisable:
		return "plaintext"
	default:
		return "TLS of mode " + sent.Settings.GetMode().String()
	}
}

// dropping returns the first call for which other TLS is used than the level above the entry says.
func dropping(v *mesh.View, rule *istionetworkingv1.DestinationRule, entry portWithoutTLS) (outcome, bool) {
	var first outcome
	found := false
	for _, d := range v.Destinations().Under(v.HostOf(rule)) {
		o, drops := droppingAt(v, rule, entry, d)
		switch {
		case drops && !found:
			first, found = o, true
		case drops:
			first.more++
		}
	}
	return first, found
}

func droppingAt(
	v *mesh.View, rule *istionetworkingv1.DestinationRule, entry portWithoutTLS, d *destinations.Destination,
) (outcome, bool) {
	for _, call := range mesh.GovernedCalls(v, rule, d) {
		inForce := entry.subset == "" && v.Rule(istio.ClientOf(call.Client), d.Host).Policy == rule
		if int64(call.Number) != int64(entry.number) || !inForce && (entry.subset == "" || call.Subset != entry.subset) {
			continue
		}
		for _, o := range judged(v, call) {
			if knows(o) && sendsOther(o, entry.above) {
				return o, true
			}
		}
	}
	return outcome{}, false
}

// knows reports whether the verdict is about something: a pod, or a host outside the mesh.
func knows(o outcome) bool { return o.Server != nil || o.Call.Destination.External }

func sendsOther(o outcome, than *networkingapi.ClientTLSSettings) bool {
	sent := o.Sent
	if sent.Settings != nil {
		return false // of another level, which is then the one to look at
	}
	switch than.Mode {
	case networkingapi.ClientTLSSettings_DISABLE:
		return sent.Mode != meshtlsv1alpha1.SendDisable
	case networkingapi.ClientTLSSettings_ISTIO_MUTUAL:
		return sent.Mode != meshtlsv1alpha1.SendIstioMutual
	default:
		return true
	}
}
