package gatewayapi

import (
	"fmt"

	"google.golang.org/protobuf/types/known/wrapperspb"
	networkingapi "istio.io/api/networking/v1alpha3"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/meshtls/meshtls/internal/model"
)

// authoritySuffix ends the name by which Istio asks for the authorities that an object holds.
const authoritySuffix = "-cacert"

// validation has clients show a certificate where the Gateway says so for the listener's port, and reports whether it can be done.
// Source: istio pilot/pkg/config/kube/gateway/conversion.go, buildTLS.
func (l *Listener) validation(out *networkingapi.ServerTLSSettings, grants grants) (valid bool) {
	spec := &l.Of.Spec.Listeners[l.Index]
	frontend, field := frontendOf(l.Of.Spec.TLS, spec.Port)
	if frontend == nil || len(frontend.CACertificateRefs) == 0 {
		return true
	}
	field += ".validation.caCertificateRefs"
	if len(frontend.CACertificateRefs) > 1 {
		l.unsupported("", fmt.Sprintf("%s names several, and Istio opens no listener with more than one.", field), "Name one.")
		return false
	}
	authority := l.authority(frontend.CACertificateRefs[0], field+"[0]", grants)
	if authority == "" {
		return false
	}
	mode, insecure := networkingapi.ServerTLSSettings_MUTUAL, false
	if frontend.Mode == gatewayv1.AllowInsecureFallback {
		mode, insecure = networkingapi.ServerTLSSettings_OPTIONAL_MUTUAL, true
	}
	if asked := askedMode(spec.TLS, networkingapi.ServerTLSSettings_SIMPLE); asked != networkingapi.ServerTLSSettings_SIMPLE {
		mode, insecure = asked, false
	}
	out.Mode, out.InsecureSkipVerify, out.CaCertCredentialName = mode, wrapperspb.Bool(insecure), authority
	return true
}

// frontendOf returns how clients at the port are validated, with the field that says so: the port's own, or else the default.
// Source: istio pilot/pkg/config/kube/gateway/conversion.go, resolveGatewayTLS.
func frontendOf(tls *gatewayv1.GatewayTLSConfig, port gatewayv1.PortNumber) (*gatewayv1.FrontendTLSValidation, string) {
	if tls == nil || tls.Frontend == nil {
		return nil, ""
	}
	for i := range tls.Frontend.PerPort {
		if tls.Frontend.PerPort[i].Port == port {
			return tls.Frontend.PerPort[i].TLS.Validation, fmt.Sprintf("spec.tls.frontend.perPort[%d].tls", i)
		}
	}
	return tls.Frontend.Default.Validation, "spec.tls.frontend.default"
}

// authority returns the name of the authorities that the Gateway may use; empty: it may not. A ReferenceGrant for one object would have to
// name it as Istio asks for it, with the ending.
// Source: istio pilot/pkg/config/kube/gateway/conversion.go, buildCaCertificateReference.
func (l *Listener) authority(ref gatewayv1.ObjectReference, field string, grants grants) string {
	object := model.ObjectRef{Kind: string(ref.Kind), Namespace: l.Of.Namespace, Name: string(ref.Name)}
	if ref.Namespace != nil {
		object.Namespace = string(*ref.Namespace)
	}
	scheme := map[string]string{model.KindConfigMap: "configmap", model.KindSecret: "kubernetes-gateway"}[object.Kind]
	if ref.Group != "" || scheme == "" {
		l.Problems = append(l.Problems, Problem{
			Reason: Unsupported, Field: field, Why: "Istio takes authorities of a ConfigMap or a Secret alone" + unopened,
			Remedy: "Name a ConfigMap or a Secret.",
		})
		return ""
	}
	asked := object
	asked.Name += authoritySuffix
	if !grants.allow(l.Of.Namespace, asked) {
		l.notGranted(field, object, fmt.Sprintf("kind %s, without a name (Istio would look for %s)", object.Kind, asked.Name), unopened)
		return ""
	}
	return fmt.Sprintf("%s://%s/%s", scheme, asked.Namespace, asked.Name)
}
