package report

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshtls/meshtls/internal/explain"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// answer is one of few words.
var answer = explain.Answer{
	Question: explain.Question{Target: "pod/a"},
	Target:   model.ObjectRef{Kind: "Pod", Namespace: "shop", Name: "a"},
	Workloads: []explain.Workload{{
		Namespace: "shop", Example: "a", Pods: 1, Proxy: explain.ProxySidecar,
		Inbound: []explain.Inbound{{
			External: explain.ExternalInbound{Accepts: explain.AcceptsStrict, DecidedBy: explain.Origin{ObjectRef: model.ObjectRef{Kind: "PeerAuthentication", Namespace: "shop", Name: "b"}}},
			Local:    explain.LocalConnection{Carries: "Plaintext."},
		}},
		Outbound: []explain.Outbound{
			{
				Host: "b.shop.svc.cluster.local", Port: 80, Protocol: "HTTP", Local: &explain.LocalConnection{Carries: "Plaintext HTTP."},
				Endpoints: []explain.Endpoint{{Outcome: istio.MutualTLS, Why: "It is so.", Sends: "IstioMutual", Pods: 2, Port: 8080, Accepts: explain.AcceptsStrict}},
			},
			{
				Host: "c.shop.svc.cluster.local", Port: 80, Protocol: "HTTP", Local: &explain.LocalConnection{Carries: "Plaintext HTTP."},
				Endpoints: []explain.Endpoint{{Outcome: istio.Refused, Why: "It fails.", Sends: "Disable", Pods: 1, Port: 8080, Accepts: explain.AcceptsStrict}},
			},
		},
		Omitted: []explain.Omitted{{Outcome: istio.MutualTLS, Destinations: 3}},
	}},
}

func TestExplanation(t *testing.T) {
	const want = `pod/a.shop: 1 pod (shop/a), with a sidecar

1 External inbound: from clients to the sidecar
  ACCEPTS                  PORT       PROTOCOL       SERVICES  DECIDED BY
  Strict: mutual TLS only  any other  auto-detected  -         PeerAuthentication shop/b

2 Local inbound: from the sidecar to the application
  PORT       THE APPLICATION GETS
  any other  Plaintext.

3 Local outbound: from the application to the sidecar
  PROTOCOL  THE APPLICATION SENDS
  HTTP      Plaintext HTTP.
    to b.shop:80, c.shop:80

4 External outbound: from the sidecar on
  OUTCOME     DESTINATION  SENDS        SERVER                  DECIDED BY
  REFUSED     c.shop:80    Disable      Strict at 8080, 1 pod   Istio's default
    It fails.
  mutual TLS  b.shop:80    IstioMutual  Strict at 8080, 2 pods  Istio's default
    It is so.
  3 more destinations with mutual TLS, as Istio does of itself; --all lists them.
`
	var plainText, coloured bytes.Buffer
	if err := Explanation(&plainText, answer, Style{Width: 80}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, plainText.String()); diff != "" {
		t.Errorf("without colours (-want +got):\n%s", diff)
	}
	if err := Explanation(&coloured, answer, Style{Width: 80, Colour: true}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, regexp.MustCompile("\x1b\\[[0-9]+m").ReplaceAllString(coloured.String(), "")); diff != "" {
		t.Errorf("with colours, less the colours: columns moved (-want +got):\n%s", diff)
	}
	for _, painted := range []string{red + "REFUSED" + plain, green + "mutual TLS" + plain, bold + "pod/a.shop" + plain} {
		if !strings.Contains(coloured.String(), painted) {
			t.Errorf("%q is not in\n%q", painted, coloured.String())
		}
	}
}

// TestExplanationWordsAreComplete wants words for each value that an answer can have.
func TestExplanationWordsAreComplete(t *testing.T) {
	for _, outcome := range []mesh.Kind{
		istio.MutualTLS, istio.ServerTLS, istio.Plaintext, istio.DoubleTLS, istio.Refused, mesh.GatewayDecides, mesh.NoEndpoints,
	} {
		if outcomeWords[outcome] == "" {
			t.Errorf("there are no words for the outcome %s", outcome)
		}
	}
	for _, accepts := range []explain.Accepts{
		explain.AcceptsStrict, explain.AcceptsPermissive, explain.AcceptsDisable, explain.AcceptsUncaptured, explain.AcceptsNoProxy,
	} {
		if acceptWords[accepts] == "" {
			t.Errorf("there are no words for %s", accepts)
		}
	}
	for _, proxy := range []explain.Proxy{explain.ProxySidecar, explain.ProxyGateway, explain.ProxyAmbient, explain.ProxyNone} {
		if proxyWords[proxy] == "" || headings[proxy].externalOutbound == "" {
			t.Errorf("there are no words for pods with %s", proxy)
		}
	}
}

// TestExplanationJSONIsDocumented wants a row of docs/cli.md for each field, and for those of an origin and a Service port just one.
func TestExplanationJSONIsDocumented(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "cli.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := bytes.Cut(page, []byte("\n## explain\n"))
	section, _, _ = bytes.Cut(section, []byte("\n## "))
	documented := map[string]bool{"version": true}
	for _, path := range fieldsOf(reflect.TypeFor[explain.Answer](), "") {
		if name := strings.TrimRight(path, "."); name == path && !strings.HasSuffix(path, "].") {
			documented[once(path)] = true
		}
	}
	for path := range documented {
		if !bytes.Contains(section, []byte("| `"+path+"` |")) {
			t.Errorf("docs/cli.md has no row for the field %s", path)
		}
	}
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]*)` \\|").FindAllSubmatch(section, -1) {
		if path := string(row[1]); !documented[path] && !strings.HasPrefix(path, "-") {
			t.Errorf("docs/cli.md has a row for %s, and there is no such field", path)
		}
	}
	if !bytes.Contains(section, []byte("`"+ExplanationVersion+"`")) {
		t.Errorf("docs/cli.md does not name the version %s", ExplanationVersion)
	}
}

// once returns the path of a field, as the page writes it where it describes in one place what is in many.
func once(path string) string {
	for part, kind := range map[string]string{
		"decidedBy.": "origin.", "acceptsDecidedBy.": "origin.", "server.": "origin.", "services[].": "servicePort.",
		"ignored[].": "ignored[].",
	} {
		if at := strings.LastIndex(path, "."+part); at >= 0 {
			return kind + path[at+len(part)+1:]
		}
	}
	return strings.TrimPrefix(path, "workloads[].")
}
