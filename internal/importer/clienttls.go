package importer

import (
	"slices"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

var sendModes = map[networkingapi.ClientTLSSettings_TLSmode]meshtlsv1alpha1.SendMode{
	networkingapi.ClientTLSSettings_DISABLE:      meshtlsv1alpha1.SendDisable,
	networkingapi.ClientTLSSettings_SIMPLE:       meshtlsv1alpha1.SendSimple,
	networkingapi.ClientTLSSettings_MUTUAL:       meshtlsv1alpha1.SendMutual,
	networkingapi.ClientTLSSettings_ISTIO_MUTUAL: meshtlsv1alpha1.SendIstioMutual,
}

// clientTLS returns a level's settings, without what Istio ignores beside DISABLE; empty without any.
func clientTLS(tls *networkingapi.ClientTLSSettings) meshtlsv1alpha1.ClientTLS {
	if tls == nil {
		return meshtlsv1alpha1.ClientTLS{}
	}
	mode := sendModes[tls.GetMode()]
	if mode == meshtlsv1alpha1.SendDisable {
		return meshtlsv1alpha1.ClientTLS{Mode: mode}
	}
	said := meshtlsv1alpha1.ClientTLS{
		Mode:              mode,
		ClientCertificate: tls.GetClientCertificate(),
		PrivateKey:        tls.GetPrivateKey(),
		CACertificates:    tls.GetCaCertificates(),
		CACRL:             tls.GetCaCrl(),
		CredentialName:    tls.GetCredentialName(),
		SubjectAltNames:   tls.GetSubjectAltNames(),
		SNI:               tls.GetSni(),
	}
	if tls.GetInsecureSkipVerify().GetValue() {
		skip := true
		said.InsecureSkipVerify = &skip
	}
	return said
}

// sendPorts returns the ports with other settings than the destination; the first entry of a port counts.
func sendPorts(policy *networkingapi.TrafficPolicy) []meshtlsv1alpha1.SendPort {
	var ports []meshtlsv1alpha1.SendPort
	for _, entry := range policy.GetPortLevelSettings() {
		number := int32(entry.GetPort().GetNumber()) // #nosec G115 -- admission looks at it
		if slices.ContainsFunc(ports, func(p meshtlsv1alpha1.SendPort) bool { return p.Port == number }) {
			continue
		}
		if entry.GetTls() == nil && policy.GetTls() == nil {
			continue
		}
		port := meshtlsv1alpha1.SendPort{Port: number, ClientTLS: clientTLS(entry.GetTls())}
		if entry.GetTls() == nil {
			port.Mode = leftOpen(policy.GetTls().GetMode())
		}
		ports = append(ports, port)
	}
	return ports
}

// leftOpen returns what a port's entry without tls comes to: auto mTLS as far as the port goes, but Istio marks the endpoints by the mode
// of the destination, and sends plaintext to those that are not marked for the mesh's mutual TLS.
// Source: istio pilot/pkg/xds/endpoints/mtls_checker.go, trafficPolicyTLSModeForPort.
func leftOpen(destination networkingapi.ClientTLSSettings_TLSmode) meshtlsv1alpha1.SendMode {
	if destination == networkingapi.ClientTLSSettings_ISTIO_MUTUAL {
		return meshtlsv1alpha1.SendAuto
	}
	return meshtlsv1alpha1.SendDisable
}

// policySaysTLS reports whether a traffic policy sets TLS at some level.
func policySaysTLS(policy *networkingapi.TrafficPolicy) bool {
	return policy.GetTls() != nil || slices.ContainsFunc(policy.GetPortLevelSettings(),
		func(p *networkingapi.TrafficPolicy_PortTrafficPolicy) bool { return p.GetTls() != nil })
}

func saysTLS(rule *istionetworkingv1.DestinationRule) bool {
	return policySaysTLS(rule.Spec.GetTrafficPolicy()) || slices.ContainsFunc(rule.Spec.GetSubsets(),
		func(s *networkingapi.Subset) bool { return policySaysTLS(s.GetTrafficPolicy()) })
}

// subsetWithTLS returns the name of the first subset that sets TLS; empty: none does.
func subsetWithTLS(rule mergedRule) string {
	for _, s := range rule.subsets {
		if policySaysTLS(s.GetTrafficPolicy()) {
			return s.GetName()
		}
	}
	return ""
}

// saysDisable reports whether there is a tls with mode DISABLE, or with none: once read, the two cannot be told apart.
func saysDisable(policy *networkingapi.TrafficPolicy) bool {
	disables := func(tls *networkingapi.ClientTLSSettings) bool {
		return tls != nil && tls.GetMode() == networkingapi.ClientTLSSettings_DISABLE
	}
	return disables(policy.GetTls()) || slices.ContainsFunc(policy.GetPortLevelSettings(),
		func(p *networkingapi.TrafficPolicy_PortTrafficPolicy) bool { return disables(p.GetTls()) })
}

// namesCA reports whether a tls names where its CA comes from apart from its credential.
func namesCA(policy *networkingapi.TrafficPolicy) bool {
	return policy.GetTls().GetCaCertCredentialName() != "" || slices.ContainsFunc(policy.GetPortLevelSettings(),
		func(p *networkingapi.TrafficPolicy_PortTrafficPolicy) bool {
			return p.GetTls().GetCaCertCredentialName() != ""
		})
}
