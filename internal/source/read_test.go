package source_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/source"
)

const (
	service = `{apiVersion: v1, kind: Service, metadata: {name: a, namespace: shop}, spec: {ports: [{port: 80}]}}`
	policy  = `{apiVersion: security.meshtls.dev/v1alpha1, kind: MeshTLSPolicy, metadata: {name: a}, spec: {accept: {mode: Strict}}}`
)

// read reads the text from the standard input.
func read(t *testing.T, text string) (*source.Reader, error) {
	t.Helper()
	return source.Read(t.Context(), []string{source.Stdin}, source.Options{Stdin: strings.NewReader(text)})
}

func TestReadErrors(t *testing.T) {
	tests := map[string]struct {
		text string
		// want are the errors, a line each.
		want []string
	}{
		"an unknown field of a policy": {
			text: strings.Replace(policy, "mode: Strict", "mode: Strict, modus: Strict", 1),
			want: []string{"-:1: MeshTLSPolicy a: spec.accept.modus: Forbidden: unknown field"},
		},
		"an unknown field of a core kind": {
			text: strings.Replace(service, "port: 80", "port: 80, tls: true", 1),
			want: []string{`-:1: Service shop/a: unknown field "spec.ports[0].tls"`},
		},
		"an unknown field of an Istio kind": {
			text: `{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: a},
              spec: {host: a, trafficPolicy: {tls: {mode: SIMPLE, cert: a}, portLevelSettings: [{port: {number: 1}, tls: {snis: a}}]}}}`,
			want: []string{
				`-:2: DestinationRule a: unknown field "spec.trafficPolicy.portLevelSettings[0].tls.snis"; ` +
					`unknown field "spec.trafficPolicy.tls.cert"`,
			},
		},
		"an unknown field below a map of an Istio kind": {
			text: `{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: a},
              spec: {selector: {matchLabels: {app: a}}, portLevelMtls: {8080: {modes: STRICT}}}}`,
			want: []string{`-:2: PeerAuthentication a: unknown field "spec.portLevelMtls[8080].modes"`},
		},
		"a value that Istio does not know": {
			text: `{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: a}, spec: {mtls: {mode: Strict}}}`,
			want: []string{`-:1: PeerAuthentication a: spec.mtls.mode: Unsupported value: "Strict": supported values: "UNSET", "DISABLE", "PERMISSIVE", "STRICT"`},
		},
		"a value that Istio's CRD refuses, on a line of its own": {
			text: "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: a}\nspec:\n  servers:\n  - hosts: [a.example]\n    port: {number: http, name: a, protocol: HTTP}\n",
			want: []string{`-:7: Gateway a: spec.servers[0].port.number: Invalid value: "string": spec.servers[0].port.number in body must be of type integer: "string"`},
		},
		"a rule of Istio's CRD, in an item of a list": {
			text: "apiVersion: v1\nkind: List\nitems:\n- apiVersion: security.istio.io/v1\n  kind: PeerAuthentication\n  metadata: {name: a}\n" +
				"  spec:\n    portLevelMtls: {80: {mode: STRICT}}\n",
			want: []string{`-:7: items[0]: PeerAuthentication a: spec: Invalid value: portLevelMtls requires selector`},
		},
		"a host that Istio's CRD refuses": {
			text: `{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: a}, spec: {hosts: ["*"]}}`,
			want: []string{`-:1: ServiceEntry a: spec.hosts[0]: Invalid value: "*": hostname cannot be wildcard`},
		},
		"a name of the Go type that the CRD does not have": {
			text: `{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: a}, spec: {host: a, traffic_policy: {tls: {mode: SIMPLE}}}}`,
			want: []string{`-:1: DestinationRule a: unknown field "spec.traffic_policy"`},
		},
		"a value of the wrong type": {
			text: strings.Replace(service, "port: 80", "port: http", 1),
			want: []string{"-:1: Service shop/a: json: cannot unmarshal string into Go struct field ServicePort.spec.ports.port of type int32"},
		},
		"a policy that the CRD's rules refuse": {
			text: strings.Replace(policy, "spec: {", "spec: {workload: {}, ", 1),
			want: []string{`-:1: MeshTLSPolicy a: spec.workload: Required value: name the pods either by service or by selector, or those of a gateway by gateway: exactly one of these`},
		},
		"a key twice": {
			text: "apiVersion: v1\nkind: Service\nmetadata: {name: a, name: b}\n",
			want: []string{`-:3: yaml: unmarshal errors: line 3: key "name" already set in map`},
		},
		"a key twice, in JSON": {
			text: `{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a", "name": "b"}}`,
			want: []string{`-:1: duplicate field "metadata.name"`},
		},
		"an object twice": {
			text: service + "\n---\n" + service,
			want: []string{"-:3: Service shop/a: is there already, in -, document 1"},
		},
		"an object twice, in two versions": {
			text: `{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: a}, spec: {}}
---
{apiVersion: security.istio.io/v1beta1, kind: PeerAuthentication, metadata: {name: a, namespace: default}, spec: {}}`,
			want: []string{"-:3: PeerAuthentication default/a: is there already, in -, document 1"},
		},
		"an item that is no object": {
			text: "{apiVersion: v1, kind: List, items: [" + service + ", 1]}",
			want: []string{"-:1: items[1] is not an object with apiVersion and kind"},
		},
		"an item without a name": {
			text: "{apiVersion: v1, kind: List, items: [" + service + ", {apiVersion: v1, kind: Service, metadata: {}}]}",
			want: []string{"-:1: items[1]: Service : metadata.name is missing"},
		},
		"a version that our API group does not have": {
			text: strings.Replace(policy, "v1alpha1", "v1", 1),
			want: []string{"-:1: MeshTLSPolicy a: the API group security.meshtls.dev has no version v1 of MeshTLSPolicy; " +
				"did you mean security.meshtls.dev/v1alpha1?"},
		},
		"a version that Istio does not have": {
			text: "{apiVersion: networking.istio.io/v1, kind: EnvoyFilter, metadata: {name: a}}",
			want: []string{"-:1: EnvoyFilter a: the API group networking.istio.io has no version v1 of EnvoyFilter; " +
				"did you mean networking.istio.io/v1alpha3?"},
		},
		"a kind with a wrong letter": {
			text: "{apiVersion: security.istio.io/v1, kind: PeerAuthentcation, metadata: {name: a}}",
			want: []string{"-:1: PeerAuthentcation a: the API group security.istio.io has no kind PeerAuthentcation; did you mean PeerAuthentication?"},
		},
		"a kind in small letters": {
			text: "{apiVersion: networking.istio.io/v1, kind: destinationrule, metadata: {name: a}}",
			want: []string{"-:1: destinationrule a: the API group networking.istio.io has no kind destinationrule; did you mean DestinationRule?"},
		},
		"a kind of another group": {
			text: "{apiVersion: networking.istio.io/v1, kind: PeerAuthentication, metadata: {name: a}}",
			want: []string{"-:1: PeerAuthentication a: the API group networking.istio.io has no kind PeerAuthentication; did you mean security.istio.io/v1?"},
		},
		"a kind like no other": {
			text: "{apiVersion: telemetry.istio.io/v1, kind: Thing, metadata: {name: a}}",
			want: []string{"-:1: Thing a: the API group telemetry.istio.io has no kind Thing"},
		},
		"a group without version": {
			text: "{apiVersion: networking.istio.io, kind: Gateway, metadata: {name: a}}",
			want: []string{"-:1: Gateway a: the apiVersion networking.istio.io has no version; did you mean networking.istio.io/v1?"},
		},
		"no kind":             {text: "{apiVersion: v1}", want: []string{"-:1: kind is missing"}},
		"no apiVersion":       {text: "{kind: Service}", want: []string{"-:1: apiVersion is missing"}},
		"a strange group":     {text: "{apiVersion: a/b/c, kind: A}", want: []string{"-:1: unexpected GroupVersion string: a/b/c"}},
		"a text":              {text: "just words", want: []string{"-:1: is not an object with apiVersion and kind"}},
		"a list of documents": {text: "[1, 2]", want: []string{"-:1: is not an object with apiVersion and kind"}},
		"bytes that are no text": {
			text: "\x00\x01\x02\xff",
			want: []string{"-: is not a text"},
		},
		"all that is wrong is told at once": {
			text: "{kind: Service}\n---\n" + service + "\n---\n{apiVersion: v1}",
			want: []string{"-:1: apiVersion is missing", "-:5: kind is missing"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := read(t, tc.text)
			if err == nil {
				t.Fatal("got no error")
			}
			if diff := cmp.Diff(tc.want, strings.Split(err.Error(), "\n")); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadErrorNamesFileAndDocument(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.yaml")
	write(t, file, service+"\n---\n{kind: Service}\n")
	_, err := source.Read(t.Context(), []string{file}, source.Options{})
	var got *source.Error
	if !errors.As(err, &got) {
		t.Fatalf("got %v, want a source.Error", err)
	}
	if got.File != file || got.Document != 2 {
		t.Errorf("got file %q, document %d, want %q, document 2", got.File, got.Document, file)
	}
}

func TestReadOfWhatIsNotThere(t *testing.T) {
	file := filepath.Join(t.TempDir(), "absent.yaml")
	_, err := source.Read(t.Context(), []string{file}, source.Options{})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("got %v, want an error that says the file does not exist", err)
	}
	if want := file + ": no such file or directory"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

func TestReadPaths(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "b.yml"), named("b"))
	write(t, filepath.Join(dir, "deeper", "still", "a.yaml"), named("a"))
	write(t, filepath.Join(dir, "c.json"), `{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "c", "namespace": "shop"}}`)
	write(t, filepath.Join(dir, "notes.txt"), "just words")
	write(t, filepath.Join(dir, "named.txt"), named("d"))
	tests := map[string]struct {
		paths []string
		want  []string
	}{
		"a directory, with everything below it":    {paths: []string{dir}, want: []string{"a", "b", "c"}},
		"a file, whatever it is called":            {paths: []string{filepath.Join(dir, "named.txt")}, want: []string{"d"}},
		"the standard input":                       {paths: []string{"-"}, want: []string{"stdin"}},
		"a file that is named twice is read once":  {paths: []string{dir, filepath.Join(dir, "b.yml")}, want: []string{"a", "b", "c"}},
		"several paths":                            {paths: []string{filepath.Join(dir, "b.yml"), "-"}, want: []string{"b", "stdin"}},
		"a directory that is written with a slash": {paths: []string{dir + "/deeper/"}, want: []string{"a"}},
		"no path at all":                           {},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			options := source.Options{Stdin: strings.NewReader(named("stdin"))}
			reader, err := source.Read(t.Context(), tc.paths, options)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, names(t, reader, &corev1.ServiceList{})); diff != "" {
				t.Errorf("services (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadDocuments(t *testing.T) {
	tests := map[string]struct {
		text string
		want []string
	}{
		"documents that say nothing":       {text: "---\n---\n# a remark\n---\nnull\n---\n" + named("a"), want: []string{"a"}},
		"several documents":                {text: named("a") + "\n---\n" + named("b"), want: []string{"a", "b"}},
		"a list":                           {text: "{apiVersion: v1, kind: List, items: [" + named("a") + "," + named("b") + "]}", want: []string{"a", "b"}},
		"a list within a list":             {text: "{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: List, items: [" + named("a") + "]}]}", want: []string{"a"}},
		"a typed list":                     {text: "{apiVersion: v1, kind: ServiceList, items: [{metadata: {name: a}}]}", want: []string{"a"}},
		"an empty list":                    {text: "{apiVersion: v1, kind: List, items: []}"},
		"the byte order mark of an editor": {text: "\ufeff" + named("a"), want: []string{"a"}},
		"lines that end as on Windows":     {text: strings.ReplaceAll("apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n---\n"+named("b"), "\n", "\r\n"), want: []string{"a", "b"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			reader, err := read(t, tc.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, names(t, reader, &corev1.ServiceList{})); diff != "" {
				t.Errorf("services (-want +got):\n%s", diff)
			}
		})
	}
}

// TestReadNothing wants an error where what is named holds nothing.
func TestReadNothing(t *testing.T) {
	for what, text := range map[string]string{"an empty file": "", "a remark": "---\n# a remark\n"} {
		if _, err := read(t, text); err == nil || err.Error() != "-: holds no object" {
			t.Errorf("%s: got %v", what, err)
		}
	}
	dir := t.TempDir()
	if _, err := source.Read(t.Context(), []string{dir}, source.Options{}); err == nil {
		t.Error("an empty directory: got no error")
	}
	write(t, filepath.Join(dir, "service.yaml"), service)
	write(t, filepath.Join(dir, "empty.yaml"), "")
	if _, err := source.Read(t.Context(), []string{dir}, source.Options{}); err != nil {
		t.Errorf("an empty file in a directory: %v", err)
	}
}

// TestErrorIsShort reads what is wrong in a million places, and says so in a line that a person can read.
func TestErrorIsShort(t *testing.T) {
	_, err := read(t, strings.Repeat("a: b\n", 1_000_000))
	if err == nil || len(err.Error()) > 1000 || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %d bytes", len(fmt.Sprint(err)))
	}
}

func TestReadOfTenMegabytes(t *testing.T) {
	var text strings.Builder
	want := 0
	for ; text.Len() < 10<<20; want++ {
		text.WriteString("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a" + strings.Repeat("a", want) + "}\ndata:\n  a: " +
			strings.Repeat("a", 1<<20) + "\n")
	}
	reader, err := read(t, text.String())
	if err != nil {
		t.Fatal(err)
	}
	if reader.Len() != want {
		t.Errorf("got %d objects, want %d", reader.Len(), want)
	}
}

func TestReadNamespaces(t *testing.T) {
	tests := map[string]struct {
		namespace string
		want      string
	}{
		"an object that names none gets the default":          {want: "default"},
		"an object that names none gets the one in the order": {namespace: "bank", want: "bank"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			options := source.Options{Namespace: tc.namespace, Stdin: strings.NewReader(policy + "\n---\n" + service +
				"\n---\n{apiVersion: v1, kind: Namespace, metadata: {name: shop}}")}
			reader, err := source.Read(t.Context(), []string{"-"}, options)
			if err != nil {
				t.Fatal(err)
			}
			get(t, reader, tc.want, "a", &meshtlsv1alpha1.MeshTLSPolicy{})
			get(t, reader, "shop", "a", &corev1.Service{})
			get(t, reader, "", "shop", &corev1.Namespace{})
		})
	}
}

func TestReadFillsInTheDefaultsOfThePolicy(t *testing.T) {
	reader, err := read(t, strings.Replace(policy, "accept: {mode: Strict}", "workload: {service: a}, accept: {ports: [{port: 80, mode: Strict}]}", 1))
	if err != nil {
		t.Fatal(err)
	}
	var got meshtlsv1alpha1.MeshTLSPolicy
	get(t, reader, "default", "a", &got)
	if got.Spec.Accept.Mode != meshtlsv1alpha1.AcceptInherit {
		t.Errorf("got mode %q, want %q", got.Spec.Accept.Mode, meshtlsv1alpha1.AcceptInherit)
	}
}

func TestIgnored(t *testing.T) {
	reader, err := read(t, `
{apiVersion: v1, kind: Endpoints, metadata: {name: a}, whatever: 1}
---
{apiVersion: example.com/v1, kind: Thing}
---
{apiVersion: security.istio.io/v1beta1, kind: RequestAuthentication, metadata: {name: a}}
---
{apiVersion: security.istio.io/v1, kind: PeerAuthenticationList}
---
{apiVersion: v1, kind: Endpoints, metadata: {name: b}}
`)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int{"/v1, Kind=Endpoints": 2, "example.com/v1, Kind=Thing": 1,
		"security.istio.io/v1, Kind=RequestAuthentication": 1, "security.istio.io/v1, Kind=PeerAuthenticationList": 1}
	got := map[string]int{}
	for _, ignored := range reader.Ignored() {
		got[ignored.Kind.String()] = ignored.Count
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ignored (-want +got):\n%s", diff)
	}
	if reader.Len() != 0 {
		t.Errorf("got %d objects, want none", reader.Len())
	}
}

// TestStrange tells what a directory holds besides manifests from what somebody calls a manifest.
func TestStrange(t *testing.T) {
	dir := t.TempDir()
	values := filepath.Join(dir, "values.yaml")
	write(t, values, "replicas: 1\n")
	write(t, filepath.Join(dir, "service.yaml"), service)
	reader, err := source.Read(t.Context(), []string{dir}, source.Options{})
	if err != nil || reader.Len() != 1 || reader.Strange() != 1 {
		t.Errorf("got %d objects, %d strange documents, error %v; want one of each and none", reader.Len(), reader.Strange(), err)
	}
	if _, err := source.Read(t.Context(), []string{values}, source.Options{}); err == nil {
		t.Error("a file that is named and holds no object: got no error")
	}
	write(t, filepath.Join(dir, "half.yaml"), "kind: Service\nmetadata: {name: b}\n")
	if _, err := source.Read(t.Context(), []string{dir}, source.Options{}); err == nil {
		t.Error("an object without apiVersion: got no error")
	}
}

func named(name string) string {
	return strings.Replace(service, "name: a", "name: "+name, 1)
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, reader client.Reader, namespace, name string, into client.Object) {
	t.Helper()
	if err := reader.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, into); err != nil {
		t.Error(err)
	}
}
