package intent

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/test/conformance/oracle"
)

// serves returns the claims of a policy's servers, for each gateway pod and host. A server of routing Auto has no names of its own: of its
// pods it is claimed that they are gateways.
func (w World) serves(p *meshtlsv1alpha1.MeshTLSPolicy) []Claim {
	if p.Spec.Gateway == nil {
		return nil
	}
	var claims []Claim
	for _, pod := range w.named(p) {
		for i, t := range p.Spec.Terminate {
			claims = append(claims, w.serveClaims(pod, terminated(t), fmt.Sprintf("spec.terminate[%d]", i))...)
		}
		for i, s := range p.Spec.Passthrough {
			field := fmt.Sprintf("spec.passthrough[%d]", i)
			if s.Routing == meshtlsv1alpha1.RoutingAuto {
				claims = append(claims, gatewayClaim(pod, field))
				continue
			}
			claims = append(claims, w.serveClaims(pod, passedThrough(s), field)...)
		}
		for i, s := range p.Spec.Plaintext {
			claims = append(claims, w.serveClaims(pod, unencrypted(s), fmt.Sprintf("spec.plaintext[%d]", i))...)
		}
	}
	return claims
}

// server is one server of a policy, with what it asks for in words, and what must be said against what Istio serves for a host.
type server struct {
	meshtlsv1alpha1.GatewayServer
	asks      string
	objection func(served oracle.Served, host string) string
}

// gatewayClaim says that the pod is a gateway: nothing else reads servers.
func gatewayClaim(pod *corev1.Pod, field string) Claim {
	return Claim{
		Field: field, Kind: KindServe,
		about: fmt.Sprintf("pod %s is a gateway", podName(pod)),
		check: func(j Judge) string {
			if !j.Mesh.IsGateway(podName(pod)) {
				return "it has a sidecar, or no proxy"
			}
			return ""
		},
	}
}

func (w World) serveClaims(pod *corev1.Pod, s server, field string) []Claim {
	var claims []Claim
	for _, host := range s.Hosts {
		if _, name, scoped := strings.Cut(host, "/"); scoped {
			host = name
		}
		claims = append(claims, Claim{
			Field: field, Kind: KindServe,
			about: fmt.Sprintf("gateway pod %s serves %s on port %d of %q: %s", podName(pod), host, s.Port, s.Bind, s.asks),
			check: func(j Judge) string { return w.served(j, pod, s, host) },
		})
	}
	return claims
}

// served looks for the server at the ports that the gateway may listen on for it: what a Service in front makes of the port, or
// the port itself.
func (w World) served(j Judge, pod *corev1.Pod, s server, host string) string {
	all := slices.DeleteFunc(slices.Clone(j.Mesh.Gateway(podName(pod)).Serves()), func(served oracle.Served) bool {
		everywhere := s.Bind == "" && net.ParseIP(served.Address).IsUnspecified()
		return served.Address != s.Bind && !everywhere
	})
	objection := "nothing serves it"
	for _, port := range w.listens(pod, s.Port) {
		if served, found := oracle.For(all, port, host); found {
			if objection = s.objection(served, host); objection == "" {
				return ""
			}
			objection += ": " + served.String()
		}
	}
	return objection
}

func (w World) listens(pod *corev1.Pod, port int32) []int32 {
	var numbers []int32
	for _, service := range w.fronts(pod) {
		if _, untranslated := service.Labels["experimental.istio.io/disable-gateway-port-translation"]; untranslated {
			continue
		}
		for _, candidate := range service.Spec.Ports {
			if number, found := numberAt(candidate, pod); found && candidate.Port == port {
				numbers = append(numbers, number)
			}
		}
	}
	if len(numbers) == 0 {
		return []int32{port}
	}
	return numbers
}

func passedThrough(s meshtlsv1alpha1.Passthrough) server {
	return server{s.GatewayServer, "TLS is passed through", func(served oracle.Served, _ string) string {
		if served.TLS != oracle.ServesPassthrough || served.HTTP {
			return "it is not passed through"
		}
		return ""
	}}
}

func unencrypted(s meshtlsv1alpha1.Plaintext) server {
	http := slices.Contains([]meshtlsv1alpha1.PlaintextProtocol{
		meshtlsv1alpha1.PlaintextHTTP, meshtlsv1alpha1.PlaintextHTTP2, meshtlsv1alpha1.PlaintextGRPC, meshtlsv1alpha1.PlaintextGRPCWeb,
	}, s.Protocol)
	asks := fmt.Sprintf("plaintext with HTTP %t and redirects to https %t", http, s.RedirectToHTTPS)
	return server{s.GatewayServer, asks, func(served oracle.Served, host string) string {
		switch {
		case served.TLS != oracle.ServesPlaintext || served.HTTP != http:
			return fmt.Sprintf("it is not plaintext with HTTP %t", http)
		case http && served.Domains[host] != s.RedirectToHTTPS:
			return fmt.Sprintf("redirects to https are %t", served.Domains[host])
		default:
			return ""
		}
	}}
}

func terminated(t meshtlsv1alpha1.Terminate) server {
	want := oracle.Served{
		TLS: oracle.TLSKind(t.Mode), HTTP: t.Protocol != meshtlsv1alpha1.TerminateTLS,
		Certificates: oracle.Certificates{
			Shown: gatewayShows(t), Roots: gatewayBelieves(t), Names: t.SubjectAltNames, Revoked: t.CACRL,
			Pinned: slices.Concat(t.VerifyCertificateSPKI, t.VerifyCertificateHash),
		},
	}
	want.MinVersion, want.MaxVersion, want.Ciphers = versionsOf(t)
	return server{t.GatewayServer, want.String(), func(served oracle.Served, _ string) string {
		if t.CACertCredentialName != "" && !strings.HasSuffix(t.CACertCredentialName, "-cacert") {
			return "a Secret of authorities is sent only if its name ends in -cacert" // istio pilot/pkg/xds/sds.go, generate
		}
		got := oracle.Served{
			TLS: served.TLS, HTTP: served.HTTP, Certificates: served.Certificates,
			MinVersion: served.MinVersion, MaxVersion: served.MaxVersion, Ciphers: served.Ciphers,
		}
		if got.String() != want.String() {
			return "want " + want.String()
		}
		return ""
	}}
}

func gatewayShows(t meshtlsv1alpha1.Terminate) string {
	switch {
	case t.Mode == meshtlsv1alpha1.TerminateIstioMutual:
		return "default"
	case t.CredentialName != "":
		return "kubernetes://" + t.CredentialName
	case len(t.CredentialNames) > 0:
		return "kubernetes://" + strings.Join(t.CredentialNames, ",kubernetes://")
	default:
		return "file-cert:" + t.ServerCertificate + "~" + t.PrivateKey
	}
}

func gatewayBelieves(t meshtlsv1alpha1.Terminate) string {
	switch {
	case t.Mode == meshtlsv1alpha1.TerminateIstioMutual:
		return "ROOTCA"
	case t.Mode == meshtlsv1alpha1.TerminateSimple:
		return ""
	case t.CACertCredentialName != "":
		return "kubernetes://" + t.CACertCredentialName
	case t.CACertificates != "":
		return "file-root:" + t.CACertificates
	default:
		return "kubernetes://" + cmp.Or(t.CredentialName, strings.Join(t.CredentialNames[:min(1, len(t.CredentialNames))], "")) + "-cacert"
	}
}

// versionsOf returns the versions and suites as Envoy writes them.
func versionsOf(t meshtlsv1alpha1.Terminate) (lowest, highest, suites string) {
	written := map[meshtlsv1alpha1.TLSVersion]string{
		"": "TLS_AUTO", meshtlsv1alpha1.TLSAuto: "TLS_AUTO", meshtlsv1alpha1.TLSV10: "TLSv1_0", meshtlsv1alpha1.TLSV11: "TLSv1_1",
		meshtlsv1alpha1.TLSV12: "TLSv1_2", meshtlsv1alpha1.TLSV13: "TLSv1_3",
	}
	aead := "ECDHE-ECDSA-AES128-GCM-SHA256,ECDHE-RSA-AES128-GCM-SHA256,ECDHE-ECDSA-AES256-GCM-SHA384,ECDHE-RSA-AES256-GCM-SHA384"
	switch t.Profile {
	case meshtlsv1alpha1.ProfileModern:
		return "TLSv1_3", "TLSv1_3", ""
	case meshtlsv1alpha1.ProfileIntermediate:
		return "TLSv1_2", "TLSv1_3", aead + ",ECDHE-ECDSA-CHACHA20-POLY1305,ECDHE-RSA-CHACHA20-POLY1305"
	case meshtlsv1alpha1.ProfileFIPS:
		return "TLSv1_2", "TLSv1_2", aead
	}
	named := make([]string, 0, len(t.CipherSuites))
	for _, suite := range t.CipherSuites {
		named = append(named, string(suite))
	}
	return written[t.MinProtocolVersion], written[t.MaxProtocolVersion], strings.Join(named, ",")
}
