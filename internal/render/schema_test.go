package render

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	runtimeschema "k8s.io/apimachinery/pkg/runtime/schema"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/source/admission"
)

// istioSchemas returns the schemas of Istio's own CRDs, which its API module ships.
func istioSchemas(t *testing.T) admission.Schemas {
	t.Helper()
	module, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "istio.io/api").Output()
	if err != nil {
		t.Fatalf("finding the module istio.io/api: %v", err)
	}
	crds, err := os.Open(filepath.Join(strings.TrimSpace(string(module)), "kubernetes", "customresourcedefinitions.gen.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = crds.Close() })
	schemas, err := admission.Load(crds)
	if err != nil {
		t.Fatal(err)
	}
	return schemas
}

// refusals returns what an API server with the schemas has against the object.
func refusals(t *testing.T, schemas admission.Schemas, object map[string]any) []string {
	t.Helper()
	kind := runtimeschema.FromAPIVersionAndKind(object["apiVersion"].(string), object["kind"].(string))
	schema, known := schemas[kind]
	if !known {
		t.Fatalf("Istio has no CRD for %s", kind)
	}
	var refused []string
	for _, err := range schema.Admit(t.Context(), object) {
		refused = append(refused, err.Error())
	}
	return refused
}

func TestIstioSchemasAcceptEverything(t *testing.T) {
	schemas := istioSchemas(t)
	tests := map[string]model.Plan{
		"accept":      {Namespace: "shop", Accepts: someAccepts()},
		"send":        {Namespace: "shop", Sends: someSends()},
		"terminate":   {Namespace: "edge", Gateways: []model.GatewayRule{someGateway(someTerminates()...)}},
		"passthrough": {Namespace: "edge", Gateways: []model.GatewayRule{someGateway(somePassthroughs()...)}},
		"plaintext":   {Namespace: "edge", Gateways: []model.GatewayRule{someGateway(somePlaintexts()...)}},
	}
	for name, plan := range tests {
		t.Run(name, func(t *testing.T) {
			objects := inOrder(Objects(plan))
			if len(objects) == 0 {
				t.Fatal("the plan renders nothing")
			}
			for _, object := range objects {
				content, err := Encode(object)
				if err != nil {
					t.Fatal(err)
				}
				for _, refusal := range refusals(t, schemas, content) {
					t.Errorf("%s: %s", object.GetName(), refusal)
				}
			}
		})
	}
}

// The test above proves something only if the schemas do refuse objects.
func TestIstioSchemasRefuse(t *testing.T) {
	schemas := istioSchemas(t)
	tests := map[string]struct {
		kind string
		spec map[string]any
	}{
		"an unknown mode":    {kind: model.KindPeerAuthentication, spec: map[string]any{"mtls": map[string]any{"mode": "STRONG"}}},
		"a rule in CEL":      {kind: model.KindPeerAuthentication, spec: map[string]any{"portLevelMtls": map[string]any{"80": map[string]any{"mode": "STRICT"}}}},
		"an unknown setting": {kind: model.KindDestinationRule, spec: map[string]any{"host": "a.example", "tls": map[string]any{}}},
		"a missing port":     {kind: model.KindGateway, spec: map[string]any{"servers": []any{map[string]any{"hosts": []any{"a.example"}}}}},
	}
	groups := map[string]string{
		model.KindPeerAuthentication: "security.istio.io/v1", model.KindDestinationRule: "networking.istio.io/v1", model.KindGateway: "networking.istio.io/v1",
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			object := map[string]any{"apiVersion": groups[tc.kind], "kind": tc.kind, "spec": tc.spec}
			if len(refusals(t, schemas, object)) == 0 {
				t.Errorf("%s %v is accepted", tc.kind, tc.spec)
			}
		})
	}
}

func someAccepts() []model.AcceptRule {
	modes := []meshtlsv1alpha1.AcceptMode{
		meshtlsv1alpha1.AcceptStrict, meshtlsv1alpha1.AcceptPermissive, meshtlsv1alpha1.AcceptDisable, meshtlsv1alpha1.AcceptInherit,
	}
	var rules []model.AcceptRule
	for _, mode := range modes {
		rules = append(rules,
			model.AcceptRule{AcceptSettings: accepting(mode), Revision: string("r-" + mode)},
			model.AcceptRule{
				AcceptSettings: accepting(mode), Selector: selecting("app", "a", "mode", string(mode)),
				Ports: []model.PortAccept{{Port: 1, AcceptSettings: accepting(meshtlsv1alpha1.AcceptStrict)}, {Port: 65535, AcceptSettings: accepting(meshtlsv1alpha1.AcceptDisable)}},
			})
	}
	return rules
}

func someSends() []model.SendRule {
	insecure := true
	settings := []meshtlsv1alpha1.ClientTLS{
		{}, {Mode: "Auto"}, {Mode: "Disable"}, {Mode: "IstioMutual", SNI: "a.example", SubjectAltNames: []string{"spiffe://a"}},
		{Mode: "Simple", InsecureSkipVerify: &insecure}, {Mode: "Simple", CACertificates: "/ca", CACRL: "/crl"},
		{Mode: "Mutual", CredentialName: "c"}, {Mode: "Mutual", ClientCertificate: "/c", PrivateKey: "/k"},
	}
	var rules []model.SendRule
	for _, tls := range settings {
		rules = append(rules,
			model.SendRule{Host: "a.example", Audience: model.AudienceNamespace, TLS: tls},
			model.SendRule{
				Host: "*.example", Audience: model.AudienceAll, TLS: tls,
				Ports: []model.PortTLS{{Port: 443, TLS: tls}, {Port: 444, TLS: meshtlsv1alpha1.ClientTLS{Mode: meshtlsv1alpha1.SendAuto}}},
			},
			model.SendRule{Host: "b.example", Audience: model.AudienceWorkload, Selector: selecting("app", "a"), TLS: tls})
	}
	return rules
}

func someGateway(servers ...model.Server) model.GatewayRule {
	return model.GatewayRule{Policy: "edge.public", Selector: selecting("gw", "in"), Servers: servers, Owners: []model.Owner{{Name: "edge.public", UID: "u"}}}
}

func someTerminates() []model.Server {
	settings := []meshtlsv1alpha1.Terminate{
		{CredentialName: "c", Profile: meshtlsv1alpha1.ProfileModern},
		{CredentialNames: []string{"rsa", "ecdsa"}, Protocol: meshtlsv1alpha1.TerminateTLS, Profile: meshtlsv1alpha1.ProfileIntermediate},
		{Mode: meshtlsv1alpha1.TerminateMutual, CredentialName: "c", CACertCredentialName: "ca", SubjectAltNames: []string{"a"}, Profile: meshtlsv1alpha1.ProfileFIPS},
		{Mode: meshtlsv1alpha1.TerminateOptionalMutual, ServerCertificate: "/c", PrivateKey: "/k", CACertificates: "/ca", CACRL: "/crl"},
		{Mode: meshtlsv1alpha1.TerminateIstioMutual},
		{CredentialName: "c", MinProtocolVersion: meshtlsv1alpha1.TLSV10, MaxProtocolVersion: meshtlsv1alpha1.TLSV12, CipherSuites: []meshtlsv1alpha1.CipherSuite{"AES128-SHA"}},
	}
	var servers []model.Server
	for i := range settings {
		settings[i].GatewayServer = serverOn(443, "shop/*.example")
		servers = append(servers, model.Server{PortName: fmt.Sprintf("https-443-%d", i), Terminate: &settings[i]})
	}
	return servers
}

func somePassthroughs() []model.Server {
	var servers []model.Server
	for _, routing := range []meshtlsv1alpha1.PassthroughRouting{"", meshtlsv1alpha1.RoutingSNI, meshtlsv1alpha1.RoutingAuto} {
		for _, protocol := range []meshtlsv1alpha1.PassthroughProtocol{"", meshtlsv1alpha1.PassthroughTLS, meshtlsv1alpha1.PassthroughHTTPS} {
			passthrough := meshtlsv1alpha1.Passthrough{GatewayServer: serverOn(443, "*"), Routing: routing, Protocol: protocol}
			servers = append(servers, model.Server{PortName: fmt.Sprintf("tls-443-%d", len(servers)), Passthrough: &passthrough})
		}
	}
	return servers
}

func somePlaintexts() []model.Server {
	named := serverOn(80, "a.example")
	named.Name, named.Bind = "web", "::1"
	settings := []meshtlsv1alpha1.Plaintext{
		{GatewayServer: named}, {GatewayServer: named, RedirectToHTTPS: true, Protocol: meshtlsv1alpha1.PlaintextHTTP2},
		{GatewayServer: serverOn(3306, "*"), Protocol: meshtlsv1alpha1.PlaintextTCP},
	}
	var servers []model.Server
	for i := range settings {
		servers = append(servers, model.Server{PortName: fmt.Sprintf("http-80-%d", i), Plaintext: &settings[i]})
	}
	return servers
}
