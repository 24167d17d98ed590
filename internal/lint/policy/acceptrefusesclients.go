package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	add(lint.About{
		Name:     "accept-refuses-clients",
		Severity: []lint.Severity{lint.Error, lint.Warning},
		Reasons:  []string{meshtlsv1alpha1.ReasonRefused},
		Finds: "clients with a sidecar whose calls the policy's pods refuse, by what the policy accepts. An error, where that is all clients " +
			"of a port that the namespace itself declares, or those to whom no DestinationRule says what to send; a warning, where it is " +
			"others, or where another namespace lists the pods' addresses.",
		Why: "What clients send is decided elsewhere: by a DestinationRule, or for a Service as a whole. Of a headless Service all endpoints " +
			"are sent the same, so `Disable` for its pods refuses mutual TLS from every client with a sidecar.",
		Fix: "Change the object that the message names, or accept what it has clients send.",
	}, acceptRefusesClients)
}

// refusing is a port of a destination at which clients are refused because of an object, or of Istio's default.
type refusing struct {
	destination *destinations.Destination
	port        int32
	because     istio.Origin
	sent        meshtlsv1alpha1.SendMode
}

// byDefault reports whether no DestinationRule says what the clients send: so do all to whom nobody says it.
func (r refusing) byDefault() bool { return r.because.Object.Kind != model.KindDestinationRule }

// taken returns the mode of clients that are not refused where those of this one are.
func (r refusing) taken() meshtlsv1alpha1.SendMode {
	if r.sent == meshtlsv1alpha1.SendDisable {
		return meshtlsv1alpha1.SendIstioMutual
	}
	return meshtlsv1alpha1.SendDisable
}

// acceptRefusesClients calls the destinations in front of the pods that the policies are about.
func acceptRefusesClients(w world) []model.Finding {
	var findings []model.Finding
	for _, v := range w.views {
		for _, rule := range w.Plan.Accepts {
			if rule.Revision != v.Revision() || !refuses(rule) {
				continue
			}
			findings = append(findings, w.refusedClients(v, rule)...)
		}
	}
	return findings
}

// refuses reports whether the rule has pods refuse mutual TLS or plaintext.
func refuses(rule model.AcceptRule) bool {
	one := func(mode meshtlsv1alpha1.AcceptMode) bool {
		return mode == meshtlsv1alpha1.AcceptStrict || mode == meshtlsv1alpha1.AcceptDisable
	}
	return one(rule.Mode) || slices.ContainsFunc(rule.Ports, func(p model.PortAccept) bool { return one(p.Mode) })
}

func (w world) refusedClients(v view, rule model.AcceptRule) []model.Finding {
	var findings []model.Finding
	for _, d := range w.leadingTo(v, rule) {
		if w.toldAlready(rule, d) {
			continue
		}
		clients := v.calling(d)
		for _, port := range d.Declared {
			refused, called := v.refusedAt(rule, clients, d, port)
			for _, r := range slices.SortedFunc(maps.Keys(refused), func(a, b refusing) int {
				return strings.Compare(a.because.String(), b.because.String())
			}) {
				f := refusedFinding(r, refused[r] == called)
				if d.Namespace == w.Snapshot.Namespace && (refused[r] == called || r.byDefault()) {
					f.Severity, f.Condition, f.Reason = lint.Error, meshtlsv1alpha1.ConditionEffective, meshtlsv1alpha1.ReasonRefused
				}
				findings = append(findings, toOwners(f, w.Snapshot.Namespace, rule.Owners)...)
			}
		}
	}
	return findings
}

// leadingTo returns the destinations that lead to what the rule is for: the namespace's pods, and the machines that it lists itself.
func (w world) leadingTo(v view, rule model.AcceptRule) []*destinations.Destination {
	leading := mesh.LeadingTo(v.View, w.Snapshot.Namespace, w.selected(rule.Selector))
	for _, d := range v.ofMachines {
		selected := func(m *model.Workload) bool { return isMachine(m) && pods.Matches(rule.Selector, m.Labels) }
		if !slices.Contains(leading, d) && slices.ContainsFunc(v.Machines(d), selected) {
			leading = append(leading, d)
		}
	}
	return leading
}

// isMachine reports whether what is behind a destination is no pod.
func isMachine(w *model.Workload) bool { return len(w.Pods) == 0 }

// toldAlready reports whether the translation has told the rule's policies that the destination's clients send plaintext and cannot be
// told otherwise.
func (w world) toldAlready(rule model.AcceptRule, d *destinations.Destination) bool {
	return slices.ContainsFunc(rule.Owners, func(owner model.Owner) bool {
		s, known := w.byName[owner.Name]
		return known && slices.ContainsFunc(s.outcome.Findings, func(f model.Finding) bool {
			return f.Check == "accept-clients-send-plaintext" && f.Related == d.Ref()
		})
	})
}

// calling returns clients with a sidecar that stand for all that see the destination. What gateways send is for the rules that their routes
// meet.
func (v view) calling(d *destinations.Destination) []*model.Workload {
	clients := []*model.Workload{{Dataplane: model.DataplaneSidecar}}
	for _, client := range mesh.CallersOf(v.View, d) {
		if !client.Gateway && d.ExportedTo(client.Namespace) {
			clients = append(clients, client)
		}
	}
	return clients
}

// refusedAt counts the clients that are refused at the port, by what has them send what they send, and all that were asked. What gateways
// take is up to their own servers.
func (v view) refusedAt(
	rule model.AcceptRule, clients []*model.Workload, d *destinations.Destination, port destinations.Port,
) (refused map[refusing]int, called int) {
	servers := slices.DeleteFunc(slices.Clone(v.Arrivals(d, port)), func(e destinations.Endpoint) bool {
		return e.Gateway || !e.Captures(e.Port) || !pods.Matches(rule.Selector, e.Labels) || !v.isOf(rule, e)
	})
	if len(servers) == 0 {
		return nil, 0
	}
	refused = map[refusing]int{}
	for _, client := range clients {
		for _, server := range servers {
			if o := v.OutcomeAt(mesh.DirectCall(client, d, port), server); o.Kind == istio.Refused && !o.WrongName() {
				refused[refusing{destination: d, port: port.Number, because: o.Sent.Origin, sent: o.Sent.Mode}]++
				break
			}
		}
	}
	return refused, len(clients)
}

// isOf reports whether the rule's mode is what refuses: the endpoint accepts by the rule, and not by one of another policy.
func (v view) isOf(rule model.AcceptRule, server destinations.Endpoint) bool {
	decided := v.AcceptedAt(server.Workload, server.Port)
	_, ours := v.peerAuthentications[decided.Origin.Object]
	return ours && decided.Mode == rule.PortMode(server.Port)
}

func refusedFinding(r refusing, all bool) model.Finding {
	f := model.Finding{
		Severity: lint.Warning, Related: r.because.Object, Field: "spec.accept",
		Message: fmt.Sprintf("Some clients of port %d of %s are refused: what they send is decided by %s.", r.port, r.destination, r.because),
		Remedy:  "Change it, or accept what it has clients send.",
	}
	if all {
		f.Message = strings.Replace(f.Message, "Some clients", "All clients with a sidecar", 1)
	}
	if r.because.Object == (model.ObjectRef{}) {
		f.Related = r.destination.Ref()
		f.Remedy = fmt.Sprintf("Accept Permissive, or send %s to the destination with clients: All.", r.taken())
	}
	return f
}
