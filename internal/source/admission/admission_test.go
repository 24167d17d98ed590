package admission_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/config/crd"
	"github.com/meshtls/meshtls/internal/source/admission"
)

const policy = `
apiVersion: security.meshtls.dev/v1alpha1
kind: MeshTLSPolicy
metadata: {name: a, namespace: shop, labels: {any: thing}}
spec:
`

func TestAdmit(t *testing.T) {
	tests := map[string]struct {
		spec string
		// wantSpec is the spec with the defaults; empty: as it came.
		wantSpec string
		// wantErrors are parts of the errors, in order.
		wantErrors []string
	}{
		"an object without anything to default stays as it is": {
			spec: `{accept: {mode: Strict}}`,
		},
		"the defaults are filled in": {
			spec: `{gateway: {service: edge}, terminate: [{port: 443, hosts: [a.example], credentialName: cert}],
                passthrough: [{port: 8443, hosts: [b.example]}], plaintext: [{port: 80, hosts: [c.example]}]}`,
			wantSpec: `{gateway: {service: edge},
                terminate: [{port: 443, hosts: [a.example], credentialName: cert, protocol: HTTPS, mode: Simple}],
                passthrough: [{port: 8443, hosts: [b.example], protocol: TLS, routing: SNI}],
                plaintext: [{port: 80, hosts: [c.example], protocol: HTTP}]}`,
		},
		"null is as good as nothing": {
			spec:     `{workload: null, accept: {mode: Strict}}`,
			wantSpec: `{accept: {mode: Strict}}`,
		},
		"unknown fields are named": {
			spec:       `{accept: {mode: Strict, modus: Strict}, accepts: {}}`,
			wantSpec:   `{accept: {mode: Strict}}`,
			wantErrors: []string{"spec.accept.modus: Forbidden: unknown field", "spec.accepts: Forbidden: unknown field"},
		},
		"a value outside the enum": {
			spec:       `{accept: {mode: STRICT}}`,
			wantErrors: []string{`spec.accept.mode: Unsupported value: "STRICT"`},
		},
		"a value of the wrong type": {
			spec:       `{accept: {mode: 1}}`,
			wantErrors: []string{"spec.accept.mode: Invalid value", "spec.accept.mode: Unsupported value: 1"},
		},
		"a required field that is missing": {
			spec:       `{send: [{mode: Simple}]}`,
			wantErrors: []string{"spec.send[0].hosts: Required value"},
		},
		"a key twice in a list that is a map": {
			spec: `{send: [{hosts: [a.example], mode: Simple, ports: [{port: 1, mode: Disable}, {port: 1, mode: Simple}]}]}`,
			wantErrors: []string{
				`spec.send[0].ports[1]: Duplicate value`,
			},
		},
		"a rule that is broken": {
			spec:       `{workload: {service: a, selector: {matchLabels: {app: a}}}, accept: {mode: Strict}}`,
			wantErrors: []string{"name the pods either by service or by selector"},
		},
	}
	schemas, err := admission.Load(bytes.NewReader(crd.MeshTLSPolicy))
	if err != nil {
		t.Fatal(err)
	}
	schema := schemas[meshtlsv1alpha1.GroupVersion.WithKind("MeshTLSPolicy")]
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, want := object(t, tc.spec), object(t, tc.spec)
			if tc.wantSpec != "" {
				want = object(t, tc.wantSpec)
			}
			errs := schema.Admit(t.Context(), got)
			if len(errs) != len(tc.wantErrors) {
				t.Fatalf("got %v, want %q", errs, tc.wantErrors)
			}
			for i, want := range tc.wantErrors {
				if !strings.Contains(errs[i].Error(), want) {
					t.Errorf("got %q, want a part of it to be %q", errs[i], want)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("object (-want +got):\n%s", diff)
			}
		})
	}
}

// object returns a policy with the spec, decoded as an API server decodes it: whole numbers are integers.
func object(t *testing.T, spec string) map[string]any {
	t.Helper()
	encoded, err := yaml.YAMLToJSON([]byte(policy + "  " + spec))
	if err != nil {
		t.Fatal(err)
	}
	var decoded map[string]any
	if err := json.Unmarshal(encoded, &decoded); err != nil {
		t.Fatal(err)
	}
	return decoded
}

func TestLoadRefusesWhatIsNoCRD(t *testing.T) {
	tests := map[string]string{
		"no YAML":       "a: b: c",
		"another shape": "spec: 1",
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := admission.Load(strings.NewReader(text)); err == nil {
				t.Error("got no error")
			}
		})
	}
}
