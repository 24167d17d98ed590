package policy

import (
	"fmt"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	add(lint.About{
		Name:     "send-refused",
		Severity: []lint.Severity{lint.Error},
		Reasons:  []string{meshtlsv1alpha1.ReasonRefused},
		Finds:    "what a gateway's policy sends to a host, which pods behind it refuse.",
		Why: "A gateway has no routes to the host yet, or has them in another revision, and the policy is judged all the same: with what it " +
			"says no connection would come about. A backend that accepts mutual TLS only is the usual case.",
		Fix: "Send what the backend accepts, or let it accept what is sent.",
	}, sendRefused)
}

// sendRefused tells of hosts whose pods refuse what the policies send from gateways. What sidecars send, and what gateways' routes lead to,
// is judged in the rendered DestinationRules.
func sendRefused(w world) []model.Finding {
	var findings []model.Finding
	for _, v := range w.views {
		for _, rule := range w.Plan.Sends {
			if rule.Revision != v.Revision() || rule.Companion || rule.Audience != model.AudienceWorkload {
				continue
			}
			if gateway, is := gatewayOf(w, rule); is {
				findings = append(findings, w.refusedFrom(v, gateway, rule)...)
			}
		}
	}
	return findings
}

func gatewayOf(w world, rule model.SendRule) (*model.Workload, bool) {
	for _, pod := range w.selected(rule.Selector) {
		if pod.Gateway && mesh.ReadsRules(pod) {
			return pod, true
		}
	}
	return nil, false
}

// refusedFrom finds the first port of each destination at which what the rule has the gateway send is refused.
func (w world) refusedFrom(v view, gateway *model.Workload, rule model.SendRule) []model.Finding {
	var findings []model.Finding
	for _, d := range w.reached(v, rule.Host) {
		for _, port := range d.Declared {
			if f, refused := refusal(v, gateway, rule, destinationPort{d, port}); refused {
				findings = append(findings, toOwners(f, w.Snapshot.Namespace, rule.Owners)...)
				break
			}
		}
	}
	return findings
}

// destinationPort is a port of a destination.
type destinationPort struct {
	*destinations.Destination
	port destinations.Port
}

func refusal(v view, gateway *model.Workload, rule model.SendRule, at destinationPort) (model.Finding, bool) {
	d, port := at.Destination, at.port
	mode := rule.TLS.Mode
	for _, own := range rule.Ports {
		if own.Port == port.Number {
			mode = own.TLS.Mode
		}
	}
	if mode == "" || mode == meshtlsv1alpha1.SendAuto {
		return model.Finding{}, false
	}
	for _, o := range v.Outcomes(mesh.DirectCall(gateway, d, port)) {
		if o.Kind == istio.Refused && o.Server != nil {
			return model.Finding{
				Severity: lint.Error, Related: d.Ref(), Field: "spec.send",
				Message: fmt.Sprintf("The policy sends %s to port %d of %s, and pod %s/%s refuses it: %s",
					mode, port.Number, d, o.Server.Namespace, o.Server.Example, o.Why),
				Remedy:    "Send what the pod accepts, or let it accept this.",
				Condition: meshtlsv1alpha1.ConditionEffective, Reason: meshtlsv1alpha1.ReasonRefused,
			}, true
		}
	}
	return model.Finding{}, false
}
