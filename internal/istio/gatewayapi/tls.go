package gatewayapi

import (
	"cmp"
	"fmt"

	networkingapi "istio.io/api/networking/v1alpha3"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/meshtls/meshtls/internal/model"
)

const (
	// optionMode asks, among the options of a listener's tls, for a mode that the Gateway API has no word for.
	optionMode = "gateway.istio.io/tls-terminate-mode"
	// builtin is the name of the proxy's own certificate.
	builtin = "builtin://"
	// mostCertificates is how many certificates Istio serves at one listener.
	mostCertificates = 2
	// without says what follows for a certificate that is not usable, and unopened for authorities.
	without  = ": Istio does without it, and opens no listener that names no other."
	unopened = ": Istio does not open the listener."
)

// tls returns the TLS settings of the listener's server, nil for none; valid says whether Istio can do what is asked.
// Source: istio pilot/pkg/config/kube/gateway/conversion.go, buildTLS.
func (l *Listener) tls(grants grants) (out *networkingapi.ServerTLSSettings, valid bool) {
	spec := &l.Of.Spec.Listeners[l.Index]
	switch tls := spec.TLS; {
	case tls == nil:
		return nil, true
	case tls.Mode != nil && *tls.Mode == gatewayv1.TLSModePassthrough:
		return &networkingapi.ServerTLSSettings{Mode: passthroughMode(l.Of, spec)}, true
	case tls.Options[optionMode] == "ISTIO_MUTUAL":
		return &networkingapi.ServerTLSSettings{Mode: networkingapi.ServerTLSSettings_ISTIO_MUTUAL}, true
	case tls.Options[optionMode] == "ISTIO_SIMPLE":
		return &networkingapi.ServerTLSSettings{Mode: networkingapi.ServerTLSSettings_SIMPLE, CredentialName: builtin}, true
	}
	out = &networkingapi.ServerTLSSettings{Mode: askedMode(spec.TLS, networkingapi.ServerTLSSettings_SIMPLE)}
	if len(spec.TLS.CertificateRefs) == 0 {
		return out, true
	}
	return out, l.certificates(out, grants) && l.validation(out, grants)
}

// askedMode returns the mode of terminated TLS that the options ask for, or else the other.
func askedMode(
	tls *gatewayv1.ListenerTLSConfig, otherwise networkingapi.ServerTLSSettings_TLSmode,
) networkingapi.ServerTLSSettings_TLSmode {
	switch tls.Options[optionMode] {
	case "MUTUAL":
		return networkingapi.ServerTLSSettings_MUTUAL
	case "OPTIONAL_MUTUAL":
		return networkingapi.ServerTLSSettings_OPTIONAL_MUTUAL
	default:
		return otherwise
	}
}

// passthroughMode tells a listener that routes by the names of the destinations from one that routes by its routes.
// Source: istio pilot/pkg/serviceregistry/kube/conversion.go, IsAutoPassthrough.
func passthroughMode(gateway *gatewayv1.Gateway, l *gatewayv1.Listener) networkingapi.ServerTLSSettings_TLSmode {
	_, betweenNetworks := gateway.Labels["topology.istio.io/network"]
	port := cmp.Or(gateway.Labels["networking.istio.io/gatewayPort"], "15443")
	if l.TLS.Options["gateway.istio.io/listener-protocol"] == "auto-passthrough" || betweenNetworks && fmt.Sprint(l.Port) == port {
		return networkingapi.ServerTLSSettings_AUTO_PASSTHROUGH
	}
	return networkingapi.ServerTLSSettings_PASSTHROUGH
}

// certificates sets the credentials that the listener names and may use, and reports whether there is one. If the listener may use only one
// of two, the server has that one.
func (l *Listener) certificates(out *networkingapi.ServerTLSSettings, grants grants) (found bool) {
	refs := l.Of.Spec.Listeners[l.Index].TLS.CertificateRefs
	if len(refs) > mostCertificates {
		l.unsupported(".tls.certificateRefs", fmt.Sprintf("Istio opens no listener with more than %d certificates, and here are %d.",
			mostCertificates, len(refs)), "Name fewer.")
		return false
	}
	names, usable := make([]string, len(refs)), 0
	for i, ref := range refs {
		if name := l.certificate(i, ref, grants); name != "" {
			names[i] = name
			usable++
		}
	}
	switch usable {
	case 0:
	case 1:
		out.CredentialName = names[0]
	default:
		out.CredentialNames = names
	}
	return usable > 0
}

// certificate returns the name of a credential that the listener may use; empty: it may not.
// Source: istio pilot/pkg/config/kube/gateway/conversion.go, buildSecretReference.
func (l *Listener) certificate(i int, ref gatewayv1.SecretObjectReference, grants grants) string {
	path := fmt.Sprintf(".tls.certificateRefs[%d]", i)
	if ref.Group != nil && *ref.Group != "" || ref.Kind != nil && *ref.Kind != model.KindSecret {
		l.unsupported(path, "Istio takes certificates of a Secret alone"+without, "Name a Secret.")
		return ""
	}
	secret := model.ObjectRef{Kind: model.KindSecret, Namespace: l.Of.Namespace, Name: string(ref.Name)}
	if ref.Namespace != nil {
		secret.Namespace = string(*ref.Namespace)
	}
	if !grants.allow(l.Of.Namespace, secret) {
		l.notGranted(FieldOf(l.Index, path), secret, "Secret "+secret.Name, without)
		return ""
	}
	return fmt.Sprintf("kubernetes-gateway://%s/%s", secret.Namespace, secret.Name)
}

// notGranted notes that the Gateway may not use the object; a ReferenceGrant would have to be for what is said.
func (l *Listener) notGranted(field string, to model.ObjectRef, grant, effect string) {
	l.Problems = append(l.Problems, Problem{
		Reason: NotGranted, Field: field,
		Why: fmt.Sprintf("It names %s, and no ReferenceGrant of namespace %s lets Gateways of namespace %s use it%s",
			to, to.Namespace, l.Of.Namespace, effect),
		Remedy: fmt.Sprintf("Create a ReferenceGrant in namespace %s from kind Gateway of namespace %s to %s, or use one of namespace %[2]s.",
			to.Namespace, l.Of.Namespace, grant),
		Absent: model.ObjectRef{Kind: model.KindReferenceGrant, Namespace: to.Namespace},
	})
}
