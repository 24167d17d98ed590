package peerauthentication

import (
	"cmp"
	"fmt"

	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

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
			Name:     "peerauthentication-below-disable",
			Severity: []lint.Severity{lint.Error, lint.Warning},
			Classes:  []string{"M53"},
			Finds: "a PeerAuthentication that has single workloads accept mutual TLS, where that of their namespace or of the mesh " +
				"says `DISABLE`, and clients of a Service in front of them have no DestinationRule that tells them. An error if " +
				"the workload is `STRICT`: the calls are refused. A warning if it is `PERMISSIVE`: mutual TLS is never used.",
			Why: "Whether clients use mutual TLS at all, Istio decides by the namespace and the mesh. What is said for a workload " +
				"comes too late.",
			Fix: "Say `PERMISSIVE` for the namespace or the mesh, or add a DestinationRule with `ISTIO_MUTUAL` for the Service.",
		},
		Find: belowDisable,
	})
}

// belowDisable tells of one that has pods accept mutual TLS below a DISABLE of the namespace or the mesh: clients ask
// that level alone whether to use mutual TLS, and send plaintext.
// Source: istio pilot/pkg/model/push_context.go, BestEffortInferServiceMTLSMode.
func belowDisable(v *mesh.View) []model.Finding {
	if v.Partial() {
		return nil
	}
	worst := map[model.ObjectRef]plaintextCall{}
	for _, pa := range selectingPeers(v) {
		self := model.RefOf(model.KindPeerAuthentication, pa)
		if v.Accept(mesh.Anybody(pa.Namespace)).Workload.Mode != meshtlsv1alpha1.AcceptDisable {
			continue
		}
		for _, call := range plaintextCalls(v, pa) {
			if before, known := worst[self]; !known || call.worseThan(before) {
				worst[self] = call
			}
		}
	}
	var findings []model.Finding
	for _, call := range worst {
		findings = append(findings, call.finding())
	}
	return findings
}

// plaintextCall is a call of a Service that is made in plaintext because of what the namespace or the mesh disables.
type plaintextCall struct {
	pa      *istiosecurityv1.PeerAuthentication
	service *model.Service
	port    int32
	client  string
	verdict istio.Verdict
}

func (c plaintextCall) worseThan(other plaintextCall) bool {
	if c.verdict.Kind != other.verdict.Kind {
		return c.verdict.Kind == istio.Refused
	}
	return cmp.Or(cmp.Compare(c.service.Name, other.service.Name), cmp.Compare(c.port, other.port), cmp.Compare(c.client, other.client)) < 0
}

// plaintextCalls returns the plaintext calls of pods for which the object decides.
func plaintextCalls(v *mesh.View, pa *istiosecurityv1.PeerAuthentication) []plaintextCall {
	var calls []plaintextCall
	for _, front := range v.ServicePorts(v.Selected(pa.Namespace, peerSelector(pa))...) {
		d := v.DeclaredBy(front.Service)
		to := v.CallOf(d, destinations.PortOf(&front.ServicePort))
		for _, server := range front.Pods {
			for _, client := range v.Clients().All {
				verdict := v.Verdict(istio.Connection{Client: istio.ClientOf(client), To: to, Server: server, Port: front.Target})
				if sentForDisable(verdict) && verdict.Accepted.Origin.Object == model.RefOf(model.KindPeerAuthentication, pa) {
					calls = append(calls, plaintextCall{
						pa: pa, service: front.Service, port: front.Port, client: client.Namespace, verdict: verdict,
					})
				}
			}
		}
	}
	return calls
}

// sentForDisable reports whether plaintext is sent because a PeerAuthentication disables mutual TLS, to pods that take it.
func sentForDisable(v istio.Verdict) bool {
	return v.Sent.Mode == meshtlsv1alpha1.SendDisable && v.Sent.Settings == nil && v.Sent.Origin.Object.Kind == model.KindPeerAuthentication &&
		v.Accepted.Mode != meshtlsv1alpha1.AcceptDisable
}

func (c plaintextCall) finding() model.Finding {
	f := lint.Finding(lint.Error, model.KindPeerAuthentication, c.pa, c.verdict.Accepted.Origin.Field)
	follows := "and the pods refuse it"
	if c.verdict.Kind != istio.Refused {
		f.Severity = lint.Warning
		follows = "and mutual TLS, which the pods would accept, is never used"
	}
	f.Message = fmt.Sprintf("Clients of namespace %s send plaintext to port %d of Service %s, %s: %s disables mutual TLS, and "+
		"clients ask the namespace and the mesh alone whether to use it.",
		c.client, c.port, c.service.Name, follows, c.verdict.Sent.Origin.Object)
	f.Remedy = fmt.Sprintf("Let %s say PERMISSIVE, or tell the clients by a DestinationRule with ISTIO_MUTUAL for the Service.",
		c.verdict.Sent.Origin.Object)
	return f
}
