package gatewayapi_test

import (
	"testing"

	networkingapi "istio.io/api/networking/v1alpha3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	gatewayv1beta1 "sigs.k8s.io/gateway-api/apis/v1beta1"

	"github.com/meshtls/meshtls/internal/istio/gatewayapi"
	"github.com/meshtls/meshtls/internal/model"
)

func refs(names ...string) []gatewayv1.SecretObjectReference {
	certs := gatewayv1.Namespace("certs")
	var all []gatewayv1.SecretObjectReference
	for _, name := range names {
		all = append(all, gatewayv1.SecretObjectReference{Name: gatewayv1.ObjectName(name), Namespace: &certs})
	}
	return all
}

// TestListeners reads listeners of a Gateway in namespace edge that name Secrets of namespace certs; a ReferenceGrant allows one of these.
// test/conformance/gatewayapi compares random listeners with what Istio makes of them.
func TestListeners(t *testing.T) {
	passthrough, granted := gatewayv1.TLSModePassthrough, gatewayv1.ObjectName("granted")
	grant := &gatewayv1beta1.ReferenceGrant{ObjectMeta: metav1.ObjectMeta{Namespace: "certs", Name: "edge"}}
	grant.Spec.From = []gatewayv1beta1.ReferenceGrantFrom{{Group: gatewayv1.GroupName, Kind: "Gateway", Namespace: "edge"}}
	grant.Spec.To = []gatewayv1beta1.ReferenceGrantTo{{Kind: "Secret", Name: &granted}}
	tests := map[string]struct {
		tls         *gatewayv1.ListenerTLSConfig
		wantMode    networkingapi.ServerTLSSettings_TLSmode
		wantName    string
		wantProblem gatewayapi.Reason
		wantClosed  bool
	}{
		"a granted Secret is served": {
			tls: &gatewayv1.ListenerTLSConfig{CertificateRefs: refs("granted")}, wantMode: networkingapi.ServerTLSSettings_SIMPLE,
			wantName: "kubernetes-gateway://certs/granted",
		},
		"without a grant the listener is not opened": {
			tls: &gatewayv1.ListenerTLSConfig{CertificateRefs: refs("other")}, wantProblem: gatewayapi.NotGranted, wantClosed: true,
		},
		"of two the granted one is served if it is the first": {
			tls: &gatewayv1.ListenerTLSConfig{CertificateRefs: refs("granted", "other")}, wantMode: networkingapi.ServerTLSSettings_SIMPLE,
			wantName: "kubernetes-gateway://certs/granted", wantProblem: gatewayapi.NotGranted,
		},
		"of two the granted one is lost if it is the second": {
			tls: &gatewayv1.ListenerTLSConfig{CertificateRefs: refs("other", "granted")}, wantMode: networkingapi.ServerTLSSettings_SIMPLE,
			wantProblem: gatewayapi.NotGranted,
		},
		"three are too many": {
			tls:         &gatewayv1.ListenerTLSConfig{CertificateRefs: refs("granted", "granted", "granted")},
			wantProblem: gatewayapi.Unsupported, wantClosed: true,
		},
		"TLS is passed through": {
			tls: &gatewayv1.ListenerTLSConfig{Mode: &passthrough}, wantMode: networkingapi.ServerTLSSettings_PASSTHROUGH,
		},
		"without tls it is not opened": {wantProblem: gatewayapi.Unsupported, wantClosed: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			gateway := &gatewayv1.Gateway{ObjectMeta: metav1.ObjectMeta{Namespace: "edge", Name: "web"}}
			gateway.Spec.GatewayClassName = gatewayapi.Class
			gateway.Spec.Listeners = []gatewayv1.Listener{{Name: "https", Port: 443, Protocol: gatewayv1.HTTPSProtocolType, TLS: tc.tls}}
			got := gatewayapi.Listeners(model.Inventory{
				KubernetesGateways: []*gatewayv1.Gateway{gateway}, ReferenceGrants: []*gatewayv1beta1.ReferenceGrant{grant},
			})[0]
			var problem gatewayapi.Reason
			if len(got.Problems) > 0 {
				problem = got.Problems[0].Reason
			}
			if problem != tc.wantProblem || (got.Gateway == nil) != tc.wantClosed {
				t.Fatalf("got problem %q, closed %t; want %q, %t", problem, got.Gateway == nil, tc.wantProblem, tc.wantClosed)
			}
			if tc.wantClosed {
				return
			}
			if tls := got.Gateway.Spec.Servers[0].GetTls(); tls.GetMode() != tc.wantMode || tls.GetCredentialName() != tc.wantName {
				t.Errorf("got %s %q, want %s %q", tls.GetMode(), tls.GetCredentialName(), tc.wantMode, tc.wantName)
			}
			if ref, made := gatewayapi.ListenerOf(got.Gateway); !made || ref.String() != "Gateway.gateway.networking.k8s.io edge/web" {
				t.Errorf("got %s, made of a listener: %t", ref, made)
			}
		})
	}
}
