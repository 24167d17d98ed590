package lint

import (
	"fmt"
	"slices"
	"strings"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/model"
)

// What a port is declared to carry, and what becomes of its TLS.

// httpsPort is where a server speaks HTTPS, whatever the port is declared to carry.
const httpsPort = 443

// destinationRuleDoubleTLS tells of TLS that sidecars put around the TLS that the port is declared to carry. Gateways are left out:
// what they send there is what they have decrypted. Where a route names the host, it may bring HTTP from another port to this one.
// Source: istio pilot/pkg/networking/core/cluster_tls.go, buildUpstreamClusterTLSContext: the port's protocol is not looked at.
func destinationRuleDoubleTLS(v *view) []model.Finding {
	t := v.traffic()
	wrapped := func(o outcome) bool {
		return !o.client.Gateway && sendsCustom(o) && istio.SpeaksTLS(o.port.Protocol)
	}
	var findings []model.Finding
	for _, rule := range v.DestinationRules {
		if !saysMode(rule, custom) {
			continue
		}
		for _, o := range t.outcomes(rule, question{at: anywhere, wanted: wrapped}) {
			severity := meshtlsv1alpha1.SeverityWarning
			if len(t.routing.named[o.d.Name]) > 0 {
				severity = meshtlsv1alpha1.SeverityInfo
			}
			f := about(severity, model.KindDestinationRule, rule, o.field())
			f.Message = fmt.Sprintf("The mode is %s for %s, which is declared %s: if applications speak TLS there, sidecars wrap it in TLS "+
				"once more, and the server undoes one of the two.%s", o.mode(), o.where(), o.port.Protocol, o.same())
			f.Remedy = "Remove tls if applications speak TLS themselves; if sidecars are to do it, declare the port HTTP, with the targetPort " +
				"of the server's TLS."
			findings = append(findings, f)
		}
	}
	return findings
}

// httpsPortDeclaredHTTP tells of ports of ServiceEntries and Services that are declared HTTP and lead to where HTTPS is spoken, where no
// rule has clients use TLS.
// Source: istio pilot/pkg/networking/core/listener.go, buildSidecarOutboundListener: what comes in at such a port is read as HTTP.
func httpsPortDeclaredHTTP(v *view) []model.Finding {
	if v.Partial {
		return nil
	}
	var findings []model.Finding
	for _, d := range v.destinations().All() {
		for i, port := range d.Declared {
			if !istio.SpeaksHTTP(port.Protocol) || !v.leadsToHTTPS(d, port) || v.originatesTLS(d, port) {
				continue
			}
			f := model.Finding{Severity: meshtlsv1alpha1.SeverityWarning, Subject: d.Ref(), Field: fmt.Sprintf("spec.ports[%d]", i)}
			f.Message = fmt.Sprintf("Port %d is declared %s and leads to a port for HTTPS, and no DestinationRule has clients use TLS: what "+
				"applications send as HTTP arrives there as plaintext, and their own TLS is taken for broken HTTP.", port.Number, port.Protocol)
			f.Remedy = "Declare the port HTTPS if applications speak TLS themselves, or add a DestinationRule with mode SIMPLE."
			findings = append(findings, f)
		}
	}
	return findings
}

// leadsToHTTPS says whether an HTTPS server is behind the port: of a host outside the mesh by its number, of a Service by what its target
// is called. The ports of a gateway are for its own servers.
func (v *view) leadsToHTTPS(d *destinations.Destination, port destinations.Port) bool {
	if d.Entry != nil {
		target := port.Entry.GetTargetPort()
		return d.External && port.Number == httpsPort && (target == 0 || target == httpsPort)
	}
	isGateway := func(w model.Workload) bool { return w.Gateway }
	if len(v.clients().all) == 0 || slices.ContainsFunc(v.backends(d), isGateway) {
		return false
	}
	target := port.Service.TargetPort
	return target.IntVal == httpsPort || target.StrVal == "https" || strings.HasPrefix(target.StrVal, "https-")
}

// originatesTLS says whether some client's proxy puts TLS around what it sends there.
func (v *view) originatesTLS(d *destinations.Destination, port destinations.Port) bool {
	originates := func(client istio.Client) bool {
		mode := v.istio.Sends(client, v.toward(d, port)).Mode
		return mode == meshtlsv1alpha1.SendSimple || mode == meshtlsv1alpha1.SendMutual
	}
	own := istio.Client{Namespace: d.Namespace, Dataplane: model.DataplaneSidecar}
	return originates(ofNowhere) || originates(own) ||
		slices.ContainsFunc(v.clients().all, func(w model.Workload) bool { return originates(istio.ClientOf(w)) })
}

// appProtocolHidesName tells of Service ports whose name declares a protocol to no effect: an appProtocol goes before the name, also one
// that Istio does not know.
// Source: istio pkg/config/kube/conversion.go, ConvertProtocol.
func appProtocolHidesName(v *view) []model.Finding {
	var findings []model.Finding
	for s := range v.Services {
		service := &v.Services[s]
		for i, port := range service.Ports {
			if port.HiddenProtocol == "" || port.HiddenProtocol == port.Protocol || !v.inMesh(service) {
				continue
			}
			f := model.Finding{Severity: meshtlsv1alpha1.SeverityInfo, Subject: destinations.OfService(service).Ref(),
				Field: fmt.Sprintf("spec.ports[%d].appProtocol", i)}
			f.Message = fmt.Sprintf("Istio does not know this appProtocol, and looks at it in place of the name %s, which would declare %s: "+
				"proxies find out by looking whether HTTP or TLS is spoken there.", port.Name, port.HiddenProtocol)
			f.Remedy = "Set appProtocol to one that Istio knows, or remove it."
			findings = append(findings, f)
		}
	}
	return findings
}

// inMesh says whether pods behind the Service have a sidecar.
func (v *view) inMesh(service *model.Service) bool {
	return slices.ContainsFunc(v.backends(destinations.OfService(service)), func(w model.Workload) bool {
		return w.Dataplane == model.DataplaneSidecar && !w.Gateway
	})
}

// serverFirst are ports at which the server speaks first and that Istio does not know for it.
var serverFirst = map[int32]string{21: "FTP", 22: "SSH", 23: "Telnet", 110: "POP3", 143: "IMAP", 587: "SMTP"}

// serverFirstPortUndeclared tells of Service ports that declare nothing, so that proxies wait for what the client says, and whose number
// is that of a protocol in which the server speaks first.
// Source: istio pilot/pkg/networking/core/listener_inbound.go, populateListenerFilters; pkg/config/mesh/mesh.go, whose
// ProtocolDetectionTimeout is 0: without end.
func serverFirstPortUndeclared(v *view) []model.Finding {
	var findings []model.Finding
	for s := range v.Services {
		service := &v.Services[s]
		for i, port := range service.Ports {
			protocol := serverFirst[port.Port]
			if protocol == "" {
				protocol = serverFirst[port.TargetPort.IntVal]
			}
			if port.Protocol != "" || protocol == "" || !v.inMesh(service) {
				continue
			}
			f := model.Finding{Severity: meshtlsv1alpha1.SeverityWarning, Subject: destinations.OfService(service).Ref(),
				Field: fmt.Sprintf("spec.ports[%d].name", i)}
			f.Message = fmt.Sprintf("The port declares no protocol, so proxies wait for the client's first bytes to find out whether HTTP or TLS "+
				"is spoken. In %s, whose port this is, the server speaks first: each waits for the other.", protocol)
			f.Remedy = "Set appProtocol to tcp, or begin the port's name with tcp-."
			findings = append(findings, f)
		}
	}
	return findings
}
