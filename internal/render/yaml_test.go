package render

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

func yamlOf(t *testing.T, p model.Plan) string {
	t.Helper()
	text, err := YAML(Objects(p))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func serverOn(port int32, host string) meshtlsv1alpha1.GatewayServer {
	return meshtlsv1alpha1.GatewayServer{Port: port, Hosts: []string{host}}
}

func TestYAMLOfAccept(t *testing.T) {
	got := yamlOf(t, model.Plan{Namespace: "shop", Accepts: []model.AcceptRule{
		{AcceptSettings: accepting(meshtlsv1alpha1.AcceptStrict), Owners: []model.Owner{{Name: "from-a-file"}}},
		{
			Revision: "1-31", Selector: selecting("app", "payments"), AcceptSettings: accepting(meshtlsv1alpha1.AcceptInherit),
			Ports: []model.PortAccept{
				{Port: 8080, AcceptSettings: accepting(meshtlsv1alpha1.AcceptDisable)}, {Port: 9090, AcceptSettings: accepting(meshtlsv1alpha1.AcceptPermissive)},
			},
			Owners: []model.Owner{{Name: "old", UID: "u1"}, {Name: "young", UID: "u2"}},
		},
	}})
	want := `apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata:
  labels:
    app.kubernetes.io/managed-by: meshtls
  name: meshtls-namespace-7gcwehueptpndtr6
  namespace: shop
spec:
  mtls:
    mode: STRICT
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata:
  labels:
    app.kubernetes.io/managed-by: meshtls
    istio.io/rev: 1-31
  name: meshtls-payments-ux75lhgwb6k4wara
  namespace: shop
  ownerReferences:
  - apiVersion: security.meshtls.dev/v1alpha1
    kind: MeshTLSPolicy
    name: old
    uid: u1
  - apiVersion: security.meshtls.dev/v1alpha1
    kind: MeshTLSPolicy
    name: young
    uid: u2
spec:
  portLevelMtls:
    "8080":
      mode: DISABLE
    "9090":
      mode: PERMISSIVE
  selector:
    matchLabels:
      app: payments
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("YAML (-want +got):\n%s", diff)
	}
}

func sendPlan() model.Plan {
	insecure := true
	return model.Plan{Namespace: "shop", Sends: []model.SendRule{
		{
			Host: "b.example", Audience: model.AudienceWorkload, Selector: selecting("app", "web"), ExportTo: []string{"."},
			TLS: meshtlsv1alpha1.ClientTLS{Mode: meshtlsv1alpha1.SendDisable},
			Ports: []model.PortTLS{
				{Port: 443, TLS: meshtlsv1alpha1.ClientTLS{Mode: meshtlsv1alpha1.SendAuto}},
				{Port: 444, TLS: meshtlsv1alpha1.ClientTLS{Mode: meshtlsv1alpha1.SendDisable}},
				{Port: 445, TLS: meshtlsv1alpha1.ClientTLS{Mode: meshtlsv1alpha1.SendSimple, InsecureSkipVerify: &insecure}},
			},
		},
		{
			Host: "a.example", Audience: model.AudienceNamespace, ExportTo: []string{"."}, TLS: meshtlsv1alpha1.ClientTLS{Mode: meshtlsv1alpha1.SendAuto},
			Ports: []model.PortTLS{{Port: 443, TLS: meshtlsv1alpha1.ClientTLS{Mode: meshtlsv1alpha1.SendAuto}}},
		},
	}}
}

// DISABLE is a protobuf zero: without care it would read as tls: {}.
func TestYAMLOfSend(t *testing.T) {
	want := `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  labels:
    app.kubernetes.io/managed-by: meshtls
  name: meshtls-a-example-z42pb7tezexo7wxh
  namespace: shop
spec:
  exportTo:
  - .
  host: a.example
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  labels:
    app.kubernetes.io/managed-by: meshtls
  name: meshtls-b-example-hwiak3b5mra5at2v
  namespace: shop
spec:
  exportTo:
  - .
  host: b.example
  trafficPolicy:
    portLevelSettings:
    - loadBalancer:
        simple: UNSPECIFIED
      port:
        number: 443
    - port:
        number: 444
      tls:
        mode: DISABLE
    - port:
        number: 445
      tls:
        insecureSkipVerify: true
        mode: SIMPLE
    tls:
      mode: DISABLE
  workloadSelector:
    matchLabels:
      app: web
`
	if diff := cmp.Diff(want, yamlOf(t, sendPlan())); diff != "" {
		t.Errorf("YAML (-want +got):\n%s", diff)
	}
}

// PASSTHROUGH is a protobuf zero too.
func TestYAMLOfGateway(t *testing.T) {
	bound := serverOn(443, "s.example")
	bound.Bind = "10.0.0.1"
	got := yamlOf(t, model.Plan{Namespace: "edge", Gateways: []model.GatewayRule{{
		Policy: "in", Selector: selecting("gw", "in"),
		Servers: []model.Server{
			{PortName: "http-80", Plaintext: &meshtlsv1alpha1.Plaintext{GatewayServer: serverOn(80, "a.example"), RedirectToHTTPS: true}},
			{PortName: "tls-443", Passthrough: &meshtlsv1alpha1.Passthrough{GatewayServer: bound}},
		},
	}}})
	want := `apiVersion: networking.istio.io/v1
kind: Gateway
metadata:
  labels:
    app.kubernetes.io/managed-by: meshtls
  name: meshtls-in-ka4zwnx27gsh7jxj
  namespace: edge
spec:
  selector:
    gw: in
  servers:
  - hosts:
    - a.example
    port:
      name: http-80
      number: 80
      protocol: HTTP
    tls:
      httpsRedirect: true
      mode: PASSTHROUGH
  - bind: 10.0.0.1
    hosts:
    - s.example
    port:
      name: tls-443
      number: 443
      protocol: TLS
    tls:
      mode: PASSTHROUGH
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("YAML (-want +got):\n%s", diff)
	}
}

func TestYAMLOrdersByKindNamespaceName(t *testing.T) {
	var all model.Objects
	for _, namespace := range []string{"b", "a"} {
		objects := Objects(model.Plan{
			Namespace: namespace,
			Accepts:   []model.AcceptRule{{AcceptSettings: accepting(meshtlsv1alpha1.AcceptStrict)}},
			Sends:     []model.SendRule{{Host: "z.example"}, {Host: "y.example"}},
			Gateways:  []model.GatewayRule{{Policy: "p"}},
		})
		all.PeerAuthentications = append(all.PeerAuthentications, objects.PeerAuthentications...)
		all.DestinationRules = append(all.DestinationRules, objects.DestinationRules...)
		all.Gateways = append(all.Gateways, objects.Gateways...)
	}
	var got []string
	for _, object := range inOrder(all) {
		got = append(got, object.GetNamespace()+"/"+object.GetName()[:len("meshtls-x")])
	}
	want := []string{
		"a/meshtls-y", "a/meshtls-z", "b/meshtls-y", "b/meshtls-z",
		"a/meshtls-p", "b/meshtls-p",
		"a/meshtls-n", "b/meshtls-n",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

func accepting(mode meshtlsv1alpha1.AcceptMode) model.AcceptSettings {
	return model.AcceptSettings{Mode: mode}
}
