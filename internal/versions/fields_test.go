package versions_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/yaml"

	"github.com/meshtls/meshtls/internal/versions"
)

// TestInCRDsOfTheModule: the CRDs of the module that the types are of have all fields.
func TestInCRDsOfTheModule(t *testing.T) {
	folder, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "istio.io/api").Output()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(folder)), "kubernetes", "customresourcedefinitions.gen.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	found := sets.New[string]()
	for document := range strings.SplitSeq(string(text), "\n---") {
		crd := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(document), &crd.Object); err != nil {
			t.Fatal(err)
		}
		found = found.Union(versions.InCRD(crd))
	}
	for _, field := range versions.Fields {
		if !found.Has(field.Name) {
			t.Errorf("%s is in no CRD", field.Name)
		}
	}
}

func TestInCRD(t *testing.T) {
	tests := map[string]struct {
		crd  string
		want []string
	}{
		"an older one": {
			crd: `{metadata: {name: gateways.networking.istio.io}, spec: {versions: [{name: v1, schema: {openAPIV3Schema: {properties: {spec: {properties: {
              servers: {items: {properties: {tls: {properties: {credentialNames: {}}}}}}}}}}}}]}}`,
			want: []string{versions.GatewayCredentialNames.Name},
		},
		"one whose v1 is not the first version": {
			crd: `{metadata: {name: gateways.networking.istio.io}, spec: {versions: [{name: v1alpha3}, {name: v1, schema: {openAPIV3Schema: {properties: {
              spec: {properties: {servers: {items: {properties: {tls: {properties: {ecdhCurves: {}}}}}}}}}}}}]}}`,
			want: []string{versions.GatewayCurves.Name},
		},
		"one that keeps what it does not know": {
			crd: `{metadata: {name: gateways.networking.istio.io}, spec: {versions: [{name: v1, schema: {openAPIV3Schema: {
              x-kubernetes-preserve-unknown-fields: true}}}]}}`,
			want: []string{
				versions.GatewayALPN.Name, versions.GatewayCACredential.Name, versions.GatewayCredentialNames.Name, versions.GatewayCurves.Name,
			},
		},
		"one of another kind": {crd: `{metadata: {name: sidecars.networking.istio.io}, spec: {versions: [{name: v1, schema: {openAPIV3Schema: {
              x-kubernetes-preserve-unknown-fields: true}}}]}}`, want: []string{}},
		"one without a version": {crd: `{metadata: {name: gateways.networking.istio.io}}`, want: []string{}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			crd := &unstructured.Unstructured{}
			if err := yaml.Unmarshal([]byte(tc.crd), &crd.Object); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, sets.List(versions.InCRD(crd))); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
		})
	}
}
