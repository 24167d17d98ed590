package policy

import (
	"fmt"
	"strings"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	add(lint.About{
		Name:     "gateway-stricter-host-bypassed",
		Severity: []lint.Severity{lint.Error},
		Reasons:  []string{meshtlsv1alpha1.ReasonInert},
		Finds: "a host that asks for client certificates, or for a later version of TLS, below a wildcard of the same policy and port that " +
			"does not.",
		Why: "The server name of the connection chooses the server, and the Host header of each request the route. A client connects by " +
			"another name of the wildcard and asks for the stricter host: the routes of both servers have it, and the request arrives " +
			"without the certificate.",
		Fix: "Give the stricter host a port of its own, or a policy of its own with VirtualServices for that alone.",
	}, gatewayStricterHostBypassed)
}

// gatewayStricterHostBypassed compares the servers of each policy at one port. Of another Gateway the routes are others, and the request
// is answered with 404.
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
	}
	return findings
}

// bypassedBy finds the first server of the Gateway by which a host of the strict one is reached with less.
func bypassedBy(gateway *istionetworkingv1.Gateway, strict *networkingapi.Server) (model.Finding, bool) {
	for _, wide := range gateway.Spec.GetServers() {
		if wide.GetPort().GetNumber() != strict.GetPort().GetNumber() || wide.GetBind() != strict.GetBind() ||
			!endsHTTPS(wide) || !endsHTTPS(strict) {
			continue
		}
		host, wildcard, below := hostBelow(strict, wide)
		missing := lacks(wide.GetTls(), strict.GetTls())
		if !below || missing == "" {
			continue
		}
		return model.Finding{
			Severity: lint.Error,
			Message: fmt.Sprintf("%s is reached without %s: a client that connects to port %d by another name of %s, whose server does not ask for "+
				"it, may send requests for %s all the same.", host, missing, strict.GetPort().GetNumber(), wildcard, host),
			Remedy:    "Give the host a port of its own, or a policy of its own with VirtualServices for that alone, or ask the same of both.",
			Condition: meshtlsv1alpha1.ConditionEffective, Reason: meshtlsv1alpha1.ReasonInert,
		}, true
	}
	return model.Finding{}, false
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
	return tls.GetMode() == networkingapi.ServerTLSSettings_MUTUAL || tls.GetMode() == networkingapi.ServerTLSSettings_ISTIO_MUTUAL
}

// leastVersion returns the lowest version that the server takes; where it says none, Istio's default.
func leastVersion(tls *networkingapi.ServerTLSSettings) networkingapi.ServerTLSSettings_TLSProtocol {
	if tls.GetMinProtocolVersion() == networkingapi.ServerTLSSettings_TLS_AUTO {
		return networkingapi.ServerTLSSettings_TLSV1_2
	}
	return tls.GetMinProtocolVersion()
}
