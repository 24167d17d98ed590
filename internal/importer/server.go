package importer

import (
	"strings"

	"google.golang.org/protobuf/proto"

	networkingapi "istio.io/api/networking/v1alpha3"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/verbatim"
)

// addServer says a server as an entry of the spec, with notes on what is left out because Istio ignores it; or why that is not to
// be had.
func addServer(spec *meshtlsv1alpha1.MeshTLSPolicySpec, s *networkingapi.Server) (notes []string, why string) {
	protocol := strings.ToUpper(s.GetPort().GetProtocol())
	tls := s.GetTls()
	encrypted := protocol == string(meshtlsv1alpha1.TerminateHTTPS) || protocol == string(meshtlsv1alpha1.TerminateTLS)
	switch names := verbatim.Names(s); {
	case len(names) > 0:
		return nil, unsayable(names[0])
	case s.GetDefaultEndpoint() != "":
		return nil, "A policy has no defaultEndpoint."
	case !encrypted:
		return addPlaintext(spec, s, protocol)
	case tls == nil:
		return nil, "It declares " + protocol + " without tls, which Istio refuses."
	case tls.GetHttpsRedirect():
		return nil, "Its httpsRedirect answers with a redirect to https on a port that speaks TLS itself; a policy redirects from plaintext only."
	}
	switch tls.GetMode() {
	case networkingapi.ServerTLSSettings_PASSTHROUGH, networkingapi.ServerTLSSettings_AUTO_PASSTHROUGH:
		return addPassthrough(spec, s, protocol), ""
	default:
		return addTerminate(spec, s, protocol)
	}
}

func addPlaintext(spec *meshtlsv1alpha1.MeshTLSPolicySpec, s *networkingapi.Server, protocol string) (notes []string, why string) {
	tls := s.GetTls()
	if tls != nil && !tls.GetHttpsRedirect() {
		return nil, "It has tls on a port that declares " + protocol + ", where Istio looks at nothing but httpsRedirect. Remove tls first."
	}
	if tls != nil && tls.GetMode() != networkingapi.ServerTLSSettings_PASSTHROUGH {
		return nil, "Its tls has a mode beside httpsRedirect, which Istio refuses on a port that declares " + protocol + "."
	}
	spec.Plaintext = append(spec.Plaintext, meshtlsv1alpha1.Plaintext{
		GatewayServer: listening(s), Protocol: meshtlsv1alpha1.PlaintextProtocol(protocol), RedirectToHTTPS: tls.GetHttpsRedirect(),
	})
	return notesOf(s), ""
}

func addPassthrough(spec *meshtlsv1alpha1.MeshTLSPolicySpec, s *networkingapi.Server, protocol string) []string {
	notes := notesOf(s)
	tls := s.GetTls()
	routing := meshtlsv1alpha1.RoutingSNI
	if tls.GetMode() == networkingapi.ServerTLSSettings_AUTO_PASSTHROUGH {
		routing = meshtlsv1alpha1.RoutingAuto
	} else if proto.Size(tls) > 0 {
		notes = append(notes, "it passes TLS through (mode PASSTHROUGH, or none), and Istio ignores the other fields of its tls. "+
			"If TLS was meant to end here, set a mode.")
	}
	spec.Passthrough = append(spec.Passthrough, meshtlsv1alpha1.Passthrough{
		GatewayServer: listening(s), Protocol: meshtlsv1alpha1.PassthroughProtocol(protocol), Routing: routing,
	})
	return notes
}

var terminateModes = map[networkingapi.ServerTLSSettings_TLSmode]meshtlsv1alpha1.TerminateMode{
	networkingapi.ServerTLSSettings_SIMPLE:          meshtlsv1alpha1.TerminateSimple,
	networkingapi.ServerTLSSettings_MUTUAL:          meshtlsv1alpha1.TerminateMutual,
	networkingapi.ServerTLSSettings_OPTIONAL_MUTUAL: meshtlsv1alpha1.TerminateOptionalMutual,
	networkingapi.ServerTLSSettings_ISTIO_MUTUAL:    meshtlsv1alpha1.TerminateIstioMutual,
}

func addTerminate(spec *meshtlsv1alpha1.MeshTLSPolicySpec, s *networkingapi.Server, protocol string) (notes []string, why string) {
	tls := s.GetTls()
	mode, known := terminateModes[tls.GetMode()]
	switch {
	case !known:
		return nil, "A policy has no mode " + tls.GetMode().String() + "."
	case len(tls.GetTlsCertificates()) > 0:
		return nil, "A policy has no tlsCertificates: it names one certificate by its paths, or Secrets by credentialNames."
	case tls.GetInsecureSkipVerify().GetValue():
		return nil, "A policy has no insecureSkipVerify for clients."
	}
	t := meshtlsv1alpha1.Terminate{
		GatewayServer:         listening(s),
		Protocol:              meshtlsv1alpha1.TerminateProtocol(protocol),
		Mode:                  mode,
		CredentialName:        tls.GetCredentialName(),
		CredentialNames:       tls.GetCredentialNames(),
		ServerCertificate:     tls.GetServerCertificate(),
		PrivateKey:            tls.GetPrivateKey(),
		CACertificates:        tls.GetCaCertificates(),
		CACRL:                 tls.GetCaCrl(),
		CACertCredentialName:  tls.GetCaCertCredentialName(),
		SubjectAltNames:       tls.GetSubjectAltNames(),
		VerifyCertificateSPKI: tls.GetVerifyCertificateSpki(),
		VerifyCertificateHash: tls.GetVerifyCertificateHash(),
	}
	notes = notesOf(s)
	if mode != meshtlsv1alpha1.TerminateIstioMutual {
		versions(&t, tls)
	} else if saysVersions(tls) {
		notes = append(notes, "Istio ignores its TLS versions and cipher suites beside ISTIO_MUTUAL: they are left out.")
	}
	spec.Terminate = append(spec.Terminate, t)
	return notes, ""
}

// versions carries over the TLS versions and cipher suites.
func versions(t *meshtlsv1alpha1.Terminate, tls *networkingapi.ServerTLSSettings) {
	t.MinProtocolVersion = version(tls.GetMinProtocolVersion())
	t.MaxProtocolVersion = version(tls.GetMaxProtocolVersion())
	for _, suite := range tls.GetCipherSuites() {
		t.CipherSuites = append(t.CipherSuites, meshtlsv1alpha1.CipherSuite(suite))
	}
}

func saysVersions(tls *networkingapi.ServerTLSSettings) bool {
	return tls.GetMinProtocolVersion() != 0 || tls.GetMaxProtocolVersion() != 0 || len(tls.GetCipherSuites()) > 0
}

// version is under Istio's name, which is ours too; Istio's default is left out.
func version(v networkingapi.ServerTLSSettings_TLSProtocol) meshtlsv1alpha1.TLSVersion {
	if v == networkingapi.ServerTLSSettings_TLS_AUTO {
		return ""
	}
	return meshtlsv1alpha1.TLSVersion(v.String())
}

// notesOf are on what every server may have.
func notesOf(s *networkingapi.Server) []string {
	for _, host := range s.GetHosts() {
		if host == "*/*" && len(s.GetHosts()) > 1 {
			return []string{"Istio reads a list with */* as if the server had no other host: it becomes *."}
		}
	}
	return nil
}
