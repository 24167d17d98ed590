package gatewayapi

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	random "math/rand/v2"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	gatewayv1beta1 "sigs.k8s.io/gateway-api/apis/v1beta1"

	"github.com/meshtls/meshtls/internal/model"
)

// world is what both sides are shown.
type world struct {
	gateways []*gatewayv1.Gateway
	grants   []*gatewayv1beta1.ReferenceGrant
}

// namespaces are those of every world; each has a Secret web with a certificate, and authorities in a Secret and a ConfigMap ca.
var namespaces = []model.Namespace{
	{Name: "edge", Labels: map[string]string{"team": "edge"}},
	{Name: "shop", Labels: map[string]string{"team": "shop"}},
	{Name: "certs", Labels: map[string]string{"team": "edge"}},
}

// objects are the world's, as a cluster has them.
func (w world) objects(t *testing.T) []runtime.Object {
	t.Helper()
	certificate, key := pair()
	objects := []runtime.Object{&gatewayv1.GatewayClass{
		ObjectMeta: metav1.ObjectMeta{Name: "istio"}, Spec: gatewayv1.GatewayClassSpec{ControllerName: "istio.io/gateway-controller"},
	}}
	for _, n := range namespaces {
		meta := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: n.Name, Name: name} }
		objects = append(objects,
			&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: n.Name, Labels: n.Labels}},
			&corev1.Secret{ObjectMeta: meta("web"), Data: map[string][]byte{"tls.crt": certificate, "tls.key": key}},
			&corev1.Secret{ObjectMeta: meta("api"), Data: map[string][]byte{"tls.crt": certificate, "tls.key": key}},
			&corev1.Secret{ObjectMeta: meta("ca"), Data: map[string][]byte{"ca.crt": certificate}},
			&corev1.ConfigMap{ObjectMeta: meta("ca"), Data: map[string]string{"ca.crt": string(certificate)}},
		)
	}
	for _, g := range w.gateways {
		objects = append(objects, g)
	}
	for _, g := range w.grants {
		objects = append(objects, g)
	}
	return objects
}

// pair is a certificate that signed itself, with its key.
var pair = sync.OnceValues(func() (certificate, key []byte) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		panic(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
})

// drawn makes worlds out of few words, so that what they say meets.
type drawn struct{ *random.Rand }

func pick[T any](d drawn, of ...T) T { return of[d.IntN(len(of))] }

func pointer[T any](value T) *T { return &value }

func (d drawn) world() world {
	var w world
	for i := range 1 + d.IntN(2) {
		gateway := &gatewayv1.Gateway{ObjectMeta: metav1.ObjectMeta{
			Namespace: pick(d, "edge", "shop"), Name: []string{"one", "two"}[i],
			CreationTimestamp: metav1.Unix(int64(1000+d.IntN(3)), 0),
			Labels:            pick(d, nil, map[string]string{"topology.istio.io/network": "n"}),
			Annotations:       pick(d, nil, nil, map[string]string{"gateway.istio.io/name-override": "other"}),
		}}
		gateway.Spec.GatewayClassName = pick(d, gatewayv1.ObjectName("istio"), "istio", "istio", "istio-remote", "else")
		gateway.Spec.Addresses = d.addresses()
		gateway.Spec.TLS = d.frontend()
		for n := range 1 + d.IntN(4) {
			gateway.Spec.Listeners = append(gateway.Spec.Listeners, d.listener([]gatewayv1.SectionName{"a", "b", "c", "d"}[n]))
		}
		w.gateways = append(w.gateways, gateway)
	}
	for i := range d.IntN(5) {
		w.grants = append(w.grants, d.grant([]string{"u", "v", "x", "y"}[i]))
	}
	return w
}

func (d drawn) addresses() []gatewayv1.GatewaySpecAddress {
	host, address := pointer(gatewayv1.HostnameAddressType), pointer(gatewayv1.IPAddressType)
	var all []gatewayv1.GatewaySpecAddress
	for range pick(d, 0, 0, 1, 1, 2) {
		all = append(all, pick(d,
			gatewayv1.GatewaySpecAddress{Type: host, Value: "ingress"},
			gatewayv1.GatewaySpecAddress{Type: host, Value: "ingress.edge.svc.cluster.local"},
			gatewayv1.GatewaySpecAddress{Type: host, Value: "ingress.example.com"},
			gatewayv1.GatewaySpecAddress{Type: address, Value: "10.0.0.1"},
		))
	}
	return all
}

func (d drawn) listener(name gatewayv1.SectionName) gatewayv1.Listener {
	l := gatewayv1.Listener{
		Name: name, Port: pick(d, gatewayv1.PortNumber(80), 443, 443, 15443),
		Protocol: pick(d, gatewayv1.HTTPProtocolType, gatewayv1.HTTPSProtocolType, gatewayv1.HTTPSProtocolType, gatewayv1.TLSProtocolType,
			gatewayv1.TLSProtocolType, gatewayv1.TCPProtocolType, gatewayv1.UDPProtocolType, "https"),
		Hostname: pick(d, nil, pointer(gatewayv1.Hostname("a.example.com")), pointer(gatewayv1.Hostname("*.example.com"))),
	}
	if from := pick(d, "", "", gatewayv1.NamespacesFromAll, gatewayv1.NamespacesFromSame, gatewayv1.NamespacesFromSelector); from != "" {
		l.AllowedRoutes = &gatewayv1.AllowedRoutes{Namespaces: &gatewayv1.RouteNamespaces{From: &from}}
		if from == gatewayv1.NamespacesFromSelector {
			labels := pick(d,
				map[string]string{"team": "edge"}, map[string]string{"team": "none"}, map[string]string{"kubernetes.io/metadata.name": "shop"})
			l.AllowedRoutes.Namespaces.Selector = &metav1.LabelSelector{MatchLabels: labels}
		}
	}
	if l.Protocol != gatewayv1.HTTPProtocolType && l.Protocol != gatewayv1.TCPProtocolType && d.IntN(5) > 0 {
		l.TLS = d.tls()
	}
	return l
}

func (d drawn) tls() *gatewayv1.ListenerTLSConfig {
	terminate, passthrough := pointer(gatewayv1.TLSModeTerminate), pointer(gatewayv1.TLSModePassthrough)
	tls := &gatewayv1.ListenerTLSConfig{Mode: pick(d, nil, nil, terminate, terminate, passthrough)}
	if mode := pick(d, "", "", "", "", "", "", "MUTUAL", "OPTIONAL_MUTUAL", "ISTIO_MUTUAL", "ISTIO_SIMPLE", "ELSE"); mode != "" {
		tls.Options = map[gatewayv1.AnnotationKey]gatewayv1.AnnotationValue{
			"gateway.istio.io/tls-terminate-mode": gatewayv1.AnnotationValue(mode),
		}
	} else if d.IntN(4) == 0 {
		tls.Options = map[gatewayv1.AnnotationKey]gatewayv1.AnnotationValue{"gateway.istio.io/listener-protocol": "auto-passthrough"}
	}
	for range pick(d, 0, 1, 1, 1, 1, 2, 2, 3) {
		tls.CertificateRefs = append(tls.CertificateRefs, gatewayv1.SecretObjectReference{
			Name: pick(d, gatewayv1.ObjectName("web"), "api"), Namespace: d.place(),
			Kind: pick(d, nil, nil, nil, nil, pointer(gatewayv1.Kind("Secret")), pointer(gatewayv1.Kind("ConfigMap"))),
		})
	}
	return tls
}

func (d drawn) place() *gatewayv1.Namespace {
	return pick(d, nil, nil, pointer(gatewayv1.Namespace("certs")), pointer(gatewayv1.Namespace("edge")))
}

func (d drawn) frontend() *gatewayv1.GatewayTLSConfig {
	if d.IntN(2) == 0 {
		return nil
	}
	frontend := &gatewayv1.FrontendTLSConfig{Default: d.validation()}
	if d.IntN(2) == 0 {
		frontend.PerPort = []gatewayv1.TLSPortConfig{{Port: pick(d, gatewayv1.PortNumber(80), 443), TLS: d.validation()}}
	}
	return &gatewayv1.GatewayTLSConfig{Frontend: frontend}
}

func (d drawn) validation() gatewayv1.TLSConfig {
	if d.IntN(3) == 0 {
		return gatewayv1.TLSConfig{}
	}
	validation := &gatewayv1.FrontendTLSValidation{Mode: pick(d, "", gatewayv1.AllowValidOnly, gatewayv1.AllowInsecureFallback)}
	for range pick(d, 1, 1, 1, 2) {
		validation.CACertificateRefs = append(validation.CACertificateRefs, gatewayv1.ObjectReference{
			Kind: pick(d, gatewayv1.Kind("ConfigMap"), "ConfigMap", "Secret", "Secret", "Service"), Name: "ca", Namespace: d.place(),
		})
	}
	return gatewayv1.TLSConfig{Validation: validation}
}

func (d drawn) grant(name string) *gatewayv1beta1.ReferenceGrant {
	grant := &gatewayv1beta1.ReferenceGrant{ObjectMeta: metav1.ObjectMeta{Namespace: pick(d, "certs", "certs", "edge"), Name: name}}
	grant.Spec.From = []gatewayv1beta1.ReferenceGrantFrom{{
		Group:     pick(d, gatewayv1.Group(gatewayv1.GroupName), gatewayv1.GroupName, gatewayv1.GroupName, gatewayv1.GroupName, "else"),
		Kind:      pick(d, gatewayv1.Kind("Gateway"), "Gateway", "Gateway", "Gateway", "HTTPRoute"),
		Namespace: pick(d, gatewayv1.Namespace("edge"), "shop"),
	}}
	grant.Spec.To = []gatewayv1beta1.ReferenceGrantTo{{
		Group: pick(d, gatewayv1.Group(""), "", "", "", "else"), Kind: pick(d, gatewayv1.Kind("Secret"), "Secret", "ConfigMap"),
		Name: pick(d, nil, nil, nil, pointer(gatewayv1.ObjectName("web")), pointer(gatewayv1.ObjectName("ca")),
			pointer(gatewayv1.ObjectName("ca-cacert"))),
	}}
	return grant
}
