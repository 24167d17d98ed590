package render

import (
	"cmp"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

var gatewayType = metav1.TypeMeta{
	APIVersion: istionetworkingv1.SchemeGroupVersion.String(), Kind: model.KindGateway,
}

// gateway writes down what a gateway serves.
func gateway(at place, r *model.GatewayRule) *istionetworkingv1.Gateway {
	object := &istionetworkingv1.Gateway{
		TypeMeta:   gatewayType,
		ObjectMeta: identity{at.namespace, gatewayName(r), r.Revision, r.Owners}.objectMeta(),
	}
	object.Spec.Selector = r.Selector
	object.Spec.Servers = make([]*networkingapi.Server, len(r.Servers))
	for i := range r.Servers {
		object.Spec.Servers[i] = server(&r.Servers[i])
	}
	return object
}

func server(s *model.Server) *networkingapi.Server {
	switch {
	case s.Terminate != nil:
		protocol := cmp.Or(s.Terminate.Protocol, meshtlsv1alpha1.TerminateHTTPS)
		return listening(&s.Terminate.GatewayServer, s.PortName, string(protocol), terminateTLS(s))
	case s.Passthrough != nil:
		protocol := cmp.Or(s.Passthrough.Protocol, meshtlsv1alpha1.PassthroughTLS)
		return listening(&s.Passthrough.GatewayServer, s.PortName, string(protocol), passthroughTLS(s.Passthrough))
	default:
		protocol := cmp.Or(s.Plaintext.Protocol, meshtlsv1alpha1.PlaintextHTTP)
		return listening(&s.Plaintext.GatewayServer, s.PortName, string(protocol), redirect(s.Plaintext))
	}
}

// listening returns the part that all servers have.
func listening(s *meshtlsv1alpha1.GatewayServer, portName, protocol string, tls *networkingapi.ServerTLSSettings) *networkingapi.Server {
	port := &networkingapi.Port{Name: portName, Protocol: protocol, Number: portNumber(s.Port)}
	return &networkingapi.Server{Port: port, Name: s.Name, Bind: s.Bind, Hosts: s.Hosts, Tls: tls}
}

var terminateModes = map[meshtlsv1alpha1.TerminateMode]networkingapi.ServerTLSSettings_TLSmode{
	meshtlsv1alpha1.TerminateSimple:         networkingapi.ServerTLSSettings_SIMPLE,
	meshtlsv1alpha1.TerminateMutual:         networkingapi.ServerTLSSettings_MUTUAL,
	meshtlsv1alpha1.TerminateOptionalMutual: networkingapi.ServerTLSSettings_OPTIONAL_MUTUAL,
	meshtlsv1alpha1.TerminateIstioMutual:    networkingapi.ServerTLSSettings_ISTIO_MUTUAL,
}

func terminateTLS(s *model.Server) *networkingapi.ServerTLSSettings {
	t, chosen := s.Terminate, versionsOf(s)
	return &networkingapi.ServerTLSSettings{
		Mode:                  terminateModes[cmp.Or(t.Mode, meshtlsv1alpha1.TerminateSimple)],
		CredentialName:        t.CredentialName,
		CredentialNames:       t.CredentialNames,
		ServerCertificate:     t.ServerCertificate,
		PrivateKey:            t.PrivateKey,
		CaCertificates:        t.CACertificates,
		CaCrl:                 t.CACRL,
		CaCertCredentialName:  t.CACertCredentialName,
		SubjectAltNames:       t.SubjectAltNames,
		VerifyCertificateSpki: t.VerifyCertificateSPKI,
		VerifyCertificateHash: t.VerifyCertificateHash,
		MinProtocolVersion:    protocolVersion(chosen.min),
		MaxProtocolVersion:    protocolVersion(chosen.max),
		CipherSuites:          texts(chosen.suites),
		EcdhCurves:            texts(chosen.curves),
		AlpnProtocols:         t.ALPNProtocols,
	}
}

// protocolVersion returns the version under Istio's name, which is ours too; unset is Istio's TLS_AUTO, its zero.
func protocolVersion(v meshtlsv1alpha1.TLSVersion) networkingapi.ServerTLSSettings_TLSProtocol {
	return networkingapi.ServerTLSSettings_TLSProtocol(networkingapi.ServerTLSSettings_TLSProtocol_value[string(v)])
}

// texts returns names as Istio's types have them.
func texts[T ~string](names []T) []string {
	if len(names) == 0 {
		return nil
	}
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = string(name)
	}
	return all
}

func passthroughTLS(p *meshtlsv1alpha1.Passthrough) *networkingapi.ServerTLSSettings {
	if p.Routing == meshtlsv1alpha1.RoutingAuto {
		return &networkingapi.ServerTLSSettings{Mode: networkingapi.ServerTLSSettings_AUTO_PASSTHROUGH}
	}
	return &networkingapi.ServerTLSSettings{Mode: networkingapi.ServerTLSSettings_PASSTHROUGH}
}

// redirect returns the only TLS setting that Istio allows on a plaintext server. Its mode has no meaning there and stays Istio's zero,
// PASSTHROUGH: with a terminating one Istio refuses the server.
func redirect(p *meshtlsv1alpha1.Plaintext) *networkingapi.ServerTLSSettings {
	if !p.RedirectToHTTPS {
		return nil
	}
	return &networkingapi.ServerTLSSettings{HttpsRedirect: true}
}
