package lint

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/model"
)

// peerAuthenticationDisableOnAmbient tells of DISABLE that decides for pods in ambient mode. ztunnel refuses plaintext or does not: there
// DISABLE is PERMISSIVE, and below a parent's STRICT a port's DISABLE does not even count as an exception.
// Source: istio pilot/pkg/serviceregistry/ambient/authorization.go, convertedSelectorPeerAuthentications and isMtlsModePermissive.
func peerAuthenticationDisableOnAmbient(v *view) []model.Finding {
	var findings []model.Finding
	for _, pa := range v.PeerAuthentications {
		disabled := disabledFields(pa)
		if len(disabled) == 0 {
			continue
		}
		ambient := slices.DeleteFunc(slices.Clone(v.under(pa)), func(w model.Workload) bool { return w.Dataplane != model.DataplaneAmbient })
		for _, port := range disabled {
			findings = append(findings, v.disableOnAmbient(pa, port, ambient)...)
		}
	}
	return findings
}

// wholeWorkload stands for all ports of which nothing else is said.
const wholeWorkload = 0

// disabledFields are the ports, and wholeWorkload, for which the object says DISABLE.
func disabledFields(pa *istiosecurityv1.PeerAuthentication) []int32 {
	var disabled []int32
	if istio.ModeOf(pa.Spec.GetMtls()) == meshtlsv1alpha1.AcceptDisable {
		disabled = append(disabled, wholeWorkload)
	}
	for _, port := range slices.Sorted(maps.Keys(pa.Spec.GetPortLevelMtls())) {
		if istio.ModeOf(pa.Spec.GetPortLevelMtls()[port]) == meshtlsv1alpha1.AcceptDisable {
			disabled = append(disabled, portNumber(port))
		}
	}
	return disabled
}

// disableOnAmbient counts the pods for which the object would decide if they had a sidecar.
func (v *view) disableOnAmbient(pa *istiosecurityv1.PeerAuthentication, port int32, ambient []model.Workload) []model.Finding {
	field := "spec.mtls.mode"
	if port != wholeWorkload {
		field = fmt.Sprintf("spec.portLevelMtls[%d].mode", port)
	}
	said := istio.Origin{Object: ref(model.KindPeerAuthentication, pa), Field: field}
	var loose, strict []model.Workload
	for _, w := range ambient {
		withSidecar := w
		withSidecar.Dataplane = model.DataplaneSidecar
		switch {
		case v.istio.Accept(withSidecar).Port(port).Origin != said:
		case v.istio.Accept(w).Port(port).Mode == meshtlsv1alpha1.AcceptStrict:
			strict = append(strict, w)
		default:
			loose = append(loose, w)
		}
	}
	f := about(meshtlsv1alpha1.SeverityError, model.KindPeerAuthentication, pa, field)
	f.Remedy = "Say PERMISSIVE, which ztunnel knows: it then accepts plaintext as well as mutual TLS."
	switch {
	case len(strict) > 0:
		f.Message = fmt.Sprintf("It says DISABLE for %s in ambient mode, where ztunnel knows no such mode and does not take it for an "+
			"exception from STRICT: it goes on refusing plaintext.", podWords(strict))
	case len(loose) > 0:
		f.Severity = meshtlsv1alpha1.SeverityInfo
		f.Message = fmt.Sprintf("It says DISABLE for %s in ambient mode, where ztunnel knows no such mode: plaintext is accepted, and "+
			"mutual TLS stays in use between the pods of the mesh.", podWords(loose))
	default:
		return nil
	}
	return []model.Finding{f}
}

// under are the pods of the object's scope, whether or not it decides for them.
func (v *view) under(pa *istiosecurityv1.PeerAuthentication) []model.Workload {
	switch {
	case pa.Namespace != v.Mesh.RootNamespace:
		return v.selected(pa.Namespace, peerSelector(pa))
	case len(peerSelector(pa)) == 0:
		return v.Workloads
	default:
		return nil
	}
}

// peerAuthenticationBelowDisable tells of one that has pods accept mutual TLS below a DISABLE of the namespace or the mesh: clients ask
// that level alone whether to use mutual TLS, and send plaintext.
// Source: istio pilot/pkg/model/push_context.go, BestEffortInferServiceMTLSMode.
func peerAuthenticationBelowDisable(v *view) []model.Finding {
	if v.Partial {
		return nil
	}
	worst := map[model.ObjectRef]plaintextCall{}
	for _, pa := range v.selectingPeers() {
		self := ref(model.KindPeerAuthentication, pa)
		if v.istio.Accept(anyPodOf(pa.Namespace)).Workload.Mode != meshtlsv1alpha1.AcceptDisable {
			continue
		}
		for _, call := range v.plaintextCalls(pa) {
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

// plaintextCalls are those of pods for which the object decides.
func (v *view) plaintextCalls(pa *istiosecurityv1.PeerAuthentication) []plaintextCall {
	var calls []plaintextCall
	for _, front := range v.inFront(v.selected(pa.Namespace, peerSelector(pa))) {
		d := destinations.OfService(front.service)
		to := v.toward(d, destinations.PortOf(&front.port))
		for _, server := range front.pods {
			for _, client := range v.clients().all {
				verdict := v.istio.Verdict(istio.Connection{Client: istio.ClientOf(client), To: to, Server: &server, Port: front.target})
				if sentForDisable(verdict) && verdict.Accepted.Origin.Object == ref(model.KindPeerAuthentication, pa) {
					calls = append(calls, plaintextCall{
						pa: pa, service: front.service, port: front.port.Port, client: client.Namespace, verdict: verdict,
					})
				}
			}
		}
	}
	return calls
}

// sentForDisable says whether plaintext is sent because a PeerAuthentication disables mutual TLS, to pods that take it.
func sentForDisable(v istio.Verdict) bool {
	return v.Sent.Mode == meshtlsv1alpha1.SendDisable && v.Sent.Settings == nil && v.Sent.Origin.Object.Kind == model.KindPeerAuthentication &&
		v.Accepted.Mode != meshtlsv1alpha1.AcceptDisable
}

func (c plaintextCall) finding() model.Finding {
	f := about(meshtlsv1alpha1.SeverityError, model.KindPeerAuthentication, c.pa, c.verdict.Accepted.Origin.Field)
	follows := "and the pods refuse it"
	if c.verdict.Kind != istio.Refused {
		f.Severity = meshtlsv1alpha1.SeverityWarning
		follows = "and mutual TLS, which the pods would accept, is never used"
	}
	f.Message = fmt.Sprintf("Clients of namespace %s send plaintext to port %d of Service %s, %s: %s disables mutual TLS, and "+
		"clients ask the namespace and the mesh alone whether to use it.",
		c.client, c.port, c.service.Name, follows, c.verdict.Sent.Origin.Object)
	f.Remedy = fmt.Sprintf("Let %s say PERMISSIVE, or tell the clients by a DestinationRule with ISTIO_MUTUAL for the Service.",
		c.verdict.Sent.Origin.Object)
	return f
}
