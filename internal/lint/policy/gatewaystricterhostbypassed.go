package policy

import (
	"fmt"
	"slices"
	"strings"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	add(lint.About{
		Name:     "gateway-stricter-host-bypassed",
		Severity: []lint.Severity{lint.Error},
		Reasons:  []string{meshtlsv1alpha1.ReasonInert},
		Finds: "a host that asks for client certificates, or for a later version of TLS, below a wildcard of the same port that does not, of " +
			"the same policy or of a Gateway that a VirtualService for the host names, too.",
		Why: "The server name of the connection chooses the server, and the Host header of each request the route. A client connects by " +
			"another name of the wildcard and asks for the stricter host: the routes of both servers have it, and the request arrives " +
			"without the certificate.",
		Fix: "Give the stricter host a port of its own, or a policy of its own with VirtualServices for that alone.",
	}, gatewayStricterHostBypassed)
}

// gatewayStricterHostBypassed compares the servers of each policy at one port, and those of other Gateways that have the same routes. Of
// one that has others, the request is answered with 404.
// Source: istio pilot/pkg/networking/core/gateway.go, buildGatewayHTTPRouteConfig.
func gatewayStricterHostBypassed(w world) []model.Finding {
	var findings []model.Finding
	for _, v := range w.views {
		for _, gateway := range v.gateways {
			if !v.judges(gateway) {
				continue
			}
			for i, strict := range gateway.Spec.GetServers() {
				if f, bypassed := bypassedBy(gateway, strict); bypassed {
					f.Subject = model.PolicyRef(ownersOf(gateway)[0])
					f.Field = w.serverField(f.Subject.Name, i)
					findings = append(findings, f)
				}
			}
		}
		findings = append(findings, w.bypassedByOthers(v)...)
	}
	return findings
}

// bypassedByOthers compares our servers with those of other Gateways at the same port of the pods.
func (w world) bypassedByOthers(v view) []model.Finding {
	found := map[serverAt]bool{}
	var findings []model.Finding
	for _, pod := range podsOfOurGateways(v) {
		for _, l := range v.Listeners(pod).Listeners {
			for _, strict := range l.Servers {
				at := serverAt{gateway: strict.Ref(), index: strict.Index}
				gateway, planned := v.gateways[at.gateway]
				if !planned || found[at] || !v.judges(gateway) {
					continue
				}
				if f, bypassed := v.bypassedByAnother(pod.Namespace, strict, l.Servers); bypassed {
					found[at] = true
					f.Subject = model.PolicyRef(ownersOf(gateway)[0])
					f.Field = w.serverField(f.Subject.Name, strict.Index)
					findings = append(findings, f)
				}
			}
		}
	}
	return findings
}

// bypassedByAnother finds the first server of another Gateway that a VirtualService gives the strict one's routes, too. The namespace is
// that of the pods.
func (v view) bypassedByAnother(namespace string, strict istio.Server, others []istio.Server) (model.Finding, bool) {
	for _, wide := range others {
		if wide.Ref() == strict.Ref() {
			continue
		}
		f, bypassed := bypassedAt(strict.Spec(), wide.Spec())
		if !bypassed {
			continue
		}
		alsoThere := v.BoundToServer(wide, namespace)
		for _, vs := range v.BoundToServer(strict, namespace) {
			if slices.Contains(alsoThere, vs) {
				f.Related = model.RefOf(model.KindVirtualService, vs)
				f.Message += fmt.Sprintf(" The other server is %s's, and %s names both Gateways.", wide.Ref(), f.Related)
				f.Remedy = fmt.Sprintf("Take %s out of spec.gateways of %s, give the host a port of its own, or ask the same of both.",
					wide.Ref(), f.Related)
				return f, true
			}
		}
	}
	return model.Finding{}, false
}

// bypassedBy finds the first server of the Gateway by which a host of the strict one is reached with less.
func bypassedBy(gateway *istionetworkingv1.Gateway, strict *networkingapi.Server) (model.Finding, bool) {
	for _, wide := range gateway.Spec.GetServers() {
		if wide.GetPort().GetNumber() != strict.GetPort().GetNumber() || wide.GetBind() != strict.GetBind() {
			continue
		}
		if f, bypassed := bypassedAt(strict, wide); bypassed {
			return f, true
		}
	}
	return model.Finding{}, false
}

// bypassedAt reports whether a host of the strict server is reached with less by the wide one, which is at the same port of the pods and
// has the same routes.
func bypassedAt(strict, wide *networkingapi.Server) (model.Finding, bool) {
	host, wildcard, below := hostBelow(strict, wide)
	missing := lacks(wide.GetTls(), strict.GetTls())
	if !below || missing == "" || !endsHTTPS(wide) || !endsHTTPS(strict) {
		return model.Finding{}, false
	}
	return model.Finding{
		Severity: lint.Error,
		Message: fmt.Sprintf("%s is reached without %s: a client that connects to port %d by another name of %s, whose server does not ask for "+
			"it, may send requests for %s all the same.", host, missing, strict.GetPort().GetNumber(), wildcard, host),
		Remedy:    "Give the host a port of its own, or a policy of its own with VirtualServices for that alone, or ask the same of both.",
		Condition: meshtlsv1alpha1.ConditionEffective, Reason: meshtlsv1alpha1.ReasonInert,
	}, true
}

// endsHTTPS reports whether the server ends TLS with HTTP inside: only requests have a Host of their own.
func endsHTTPS(s *networkingapi.Server) bool {
	mode := s.GetTls().GetMode()
	passes := mode == networkingapi.ServerTLSSettings_PASSTHROUGH || mode == networkingapi.ServerTLSSettings_AUTO_PASSTHROUGH
	return s.GetTls() != nil && !s.GetTls().GetHttpsRedirect() && !passes && strings.EqualFold(s.GetPort().GetProtocol(), "HTTPS")
}

// hostBelow finds a host of the first server that a wildcard of the second covers, for routes of one namespace.
func hostBelow(strict, wide *networkingapi.Server) (host, wildcard string, found bool) {
	for _, narrow := range strict.GetHosts() {
		for _, cover := range wide.GetHosts() {
			of, name := namespaceAndHost(narrow)
			from, star := namespaceAndHost(cover)
			if hosts.Covers(star, name) && (of == from || of == "*" || from == "*") {
				return name, star, true
			}
		}
	}
	return "", "", false
}

// namespaceAndHost splits a host as a Gateway writes it; without a namespace it is for routes of all.
func namespaceAndHost(written string) (namespace, host string) {
	if namespace, host, both := strings.Cut(written, "/"); both {
		return namespace, host
	}
	return "*", written
}

// lacks says what the one server does not ask for and the other does; empty: nothing.
func lacks(wide, strict *networkingapi.ServerTLSSettings) string {
	switch {
	case asksForCertificate(strict) && !asksForCertificate(wide):
		return "a client certificate"
	case leastVersion(strict) > leastVersion(wide):
		return "the version of TLS that its server asks for"
	default:
		return ""
	}
}

func asksForCertificate(tls *networkingapi.ServerTLSSettings) bool {
	return tls.GetMode() == networkingapi.ServerTLSSettings_MUTUAL || tls.GetMode() == networkingapi.ServerTLSSettings_ISTIO_MUTUAL ||
		istio.NeedsCertificate(tls)
}

// leastVersion returns the lowest version that the server takes; where it says none, Istio's default.
func leastVersion(tls *networkingapi.ServerTLSSettings) networkingapi.ServerTLSSettings_TLSProtocol {
	if tls.GetMinProtocolVersion() == networkingapi.ServerTLSSettings_TLS_AUTO {
		return networkingapi.ServerTLSSettings_TLSV1_2
	}
	return tls.GetMinProtocolVersion()
}
