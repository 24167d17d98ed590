package intent

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/test/conformance/oracle"
)

func (w World) sendClaim(s sending, tls meshtlsv1alpha1.ClientTLS, c client) Claim {
	return Claim{
		Field: s.field, Kind: KindSend,
		about: fmt.Sprintf("pod %s sends %s to %s:%d", podName(c.pod), tlsWords(tls), c.to.name, c.port),
		check: func(j Judge) string {
			proxy := proxyOf(j.Mesh, s, c)
			got := proxy.Sends(c.to.name, c.port)
			if tls.Mode == meshtlsv1alpha1.SendAuto {
				return w.auto(j, s, c, got)
			}
			if got.Mode == "" && w.passesOn(j, s, tls, c) {
				return ""
			}
			return differs(tls, got)
		},
	}
}

// passesOn reports whether a Sidecar may keep the host from the pod, so that what the application sends goes on as it is, and that is no
// breach: nothing adds TLS, as Disable asks, or nothing is sent, or other pods of the policy do send what it says.
func (w World) passesOn(j Judge, s sending, tls meshtlsv1alpha1.ClientTLS, c client) bool {
	switch {
	case !w.scoped(c.pod.Namespace):
		return false
	case w.RegistryOnly && strings.HasPrefix(s.host, "*"):
		return true // the host is refused, and others below the wildcard are not
	}
	others := w.pods(func(pod *corev1.Pod) bool {
		return w.governs(s, pod) && oracle.HasSidecar(pod) && j.Mesh.Sidecar(podName(pod)).Sends(c.to.name, c.port).Mode != ""
	})
	return tls.Mode == meshtlsv1alpha1.SendDisable || len(others) > 0
}

func proxyOf(mesh *oracle.Mesh, s sending, c client) *oracle.Proxy {
	if s.policy.Spec.Gateway != nil {
		return mesh.Gateway(podName(c.pod))
	}
	return mesh.Sidecar(podName(c.pod))
}

// auto returns what Istio does where nobody says anything; with auto mTLS off it is mutual TLS to hosts of the mesh.
func (w World) auto(j Judge, s sending, c client, got oracle.Sent) string {
	want := meshtlsv1alpha1.SendIstioMutual
	if w.AutoMTLS || c.to.external {
		want = proxyOf(j.Bare(), s, c).Sends(c.to.name, c.port).Mode
	}
	if got.Mode != want {
		return fmt.Sprintf("it sends %q, where %q is what Istio chooses", got.Mode, want)
	}
	return ""
}

// asked returns what the settings ask for: what they leave open is empty.
func asked(tls meshtlsv1alpha1.ClientTLS) oracle.Sent {
	sent := oracle.Sent{
		Mode: tls.Mode, SNI: tls.SNI, Certificates: oracle.Certificates{Names: tls.SubjectAltNames, Revoked: tls.CACRL},
	}
	switch tls.Mode {
	case meshtlsv1alpha1.SendSimple:
		sent.Roots = rootsOf(tls)
	case meshtlsv1alpha1.SendMutual:
		sent.Shown, sent.Roots = shownOf(tls), rootsOf(tls)
	}
	return sent
}

// tlsWords returns what the settings ask for, in words.
func tlsWords(tls meshtlsv1alpha1.ClientTLS) string {
	sent := asked(tls)
	return fmt.Sprintf("%s (server name %q, certificates %+v)", sent.Mode, sent.SNI, sent.Certificates)
}

// differs says how what is sent differs from what is asked.
func differs(tls meshtlsv1alpha1.ClientTLS, got oracle.Sent) string {
	want := asked(tls)
	if got.Mode != want.Mode {
		return fmt.Sprintf("it sends %q", got.Mode)
	}
	if want.Mode == meshtlsv1alpha1.SendDisable || want.Mode == meshtlsv1alpha1.SendIstioMutual {
		want.Shown, want.Roots = got.Shown, got.Roots // Istio's own
	}
	if want.Mode == meshtlsv1alpha1.SendIstioMutual && len(want.Names) == 0 {
		want.Names = got.Names // the destination's service accounts
	}
	if got.Shown != want.Shown || got.Roots != want.Roots || got.Revoked != want.Revoked || !slices.Equal(got.Names, want.Names) {
		return fmt.Sprintf("its certificates are %+v, not %+v", got.Certificates, want.Certificates)
	}
	if want.SNI != "" && got.SNI != want.SNI {
		return fmt.Sprintf("its server name is %q", got.SNI)
	}
	return ""
}

func shownOf(tls meshtlsv1alpha1.ClientTLS) string {
	if tls.CredentialName != "" {
		return "kubernetes://" + tls.CredentialName
	}
	return "file-cert:" + tls.ClientCertificate + "~" + tls.PrivateKey
}

func rootsOf(tls meshtlsv1alpha1.ClientTLS) string {
	switch {
	case tls.InsecureSkipVerify != nil && *tls.InsecureSkipVerify:
		return ""
	case strings.Contains(tls.CredentialName, "://"):
		return tls.CredentialName + "-cacert"
	case tls.CredentialName != "":
		return "kubernetes://" + tls.CredentialName + "-cacert"
	default:
		return "file-root:" + cmp.Or(tls.CACertificates, "system")
	}
}
