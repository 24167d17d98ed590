package source_test

import (
	"path/filepath"
	"testing"

	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/source"
)

const placed = `# The first document has no number of its own before it begins.
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: a
  namespace: shop
  labels: {app.kubernetes.io/name: a}
spec:
  host: a
  trafficPolicy:
    portLevelSettings:
    - port: {number: 80}
    - port:
        number: 443
      tls:
        mode: SIMPLE
--- # a remark
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Service, metadata: {name: one, namespace: shop}, spec: {ports: [{port: 80}]}}
- apiVersion: v1
  kind: List
  items:
  - apiVersion: v1
    kind: Service
    metadata: {name: two, namespace: shop}
    spec:
      ports:
      - port: 80
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: a, namespace: shop}
spec:
  template: {metadata: {labels: {app: a}}, spec: {containers: [{name: a}]}}
--- {apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: a, namespace: shop}, spec: {selector: {matchLabels: {app: a}}, portLevelMtls: {8080: {mode: STRICT}}}}
`

func TestPlace(t *testing.T) {
	rule := model.ObjectRef{Kind: model.KindDestinationRule, Namespace: "shop", Name: "a"}
	tests := map[string]struct {
		object   model.ObjectRef
		field    string
		document int
		want     int
	}{
		"an object":                              {object: rule, document: 2, want: 3},
		"a field":                                {object: rule, field: "spec.host", document: 2, want: 10},
		"an item":                                {object: rule, field: "spec.trafficPolicy.portLevelSettings[0]", document: 2, want: 13},
		"a field of an item":                     {object: rule, field: "spec.trafficPolicy.portLevelSettings[1].tls.mode", document: 2, want: 17},
		"what is closest above a missing field":  {object: rule, field: "spec.trafficPolicy.portLevelSettings[1].tls.sni", document: 2, want: 16},
		"what is closest above a missing item":   {object: rule, field: "spec.trafficPolicy.portLevelSettings[7].tls", document: 2, want: 12},
		"a key with dots":                        {object: rule, field: "metadata.labels.app.kubernetes.io/name", document: 2, want: 8},
		"no field at all":                        {object: rule, field: "nonsense[", document: 2, want: 3},
		"two dots in a row":                      {object: rule, field: "spec..host", document: 2, want: 9},
		"an item of a list":                      {object: model.ObjectRef{Kind: "Service", Namespace: "shop", Name: "one"}, document: 3, want: 22},
		"a field of an item of a list of a list": {object: model.ObjectRef{Kind: "Service", Namespace: "shop", Name: "two"}, field: "spec.ports[0]", document: 3, want: 31},
		"the pod of a template":                  {object: model.ObjectRef{Kind: "Pod", Namespace: "shop", Name: "a-deployment-0"}, document: 4, want: 33},
		"a document on the separator's line": {
			object: model.ObjectRef{Kind: model.KindPeerAuthentication, Namespace: "shop", Name: "a"}, field: "spec.portLevelMtls[8080]", document: 5, want: 38,
		},
	}
	file := filepath.Join(t.TempDir(), "a.yaml")
	write(t, file, placed)
	reader, err := source.Read(t.Context(), []string{file}, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, ok := reader.Place(tc.object, tc.field)
			want := source.Place{File: file, Document: tc.document, Line: tc.want}
			if !ok || got != want {
				t.Errorf("got %+v, %t, want %+v", got, ok, want)
			}
		})
	}
	if place, ok := reader.Place(model.ObjectRef{Kind: "Service", Namespace: "shop", Name: "absent"}, ""); ok {
		t.Errorf("got %+v for an object that is not there", place)
	}
}

// TestErrorsCountLinesFromTheBeginningOfTheFile wants lines that an editor can go to.
func TestErrorsCountLinesFromTheBeginningOfTheFile(t *testing.T) {
	_, err := read(t, service+"\n---\n"+service+"\n---\na: 1\nb: [\n")
	const want = "-:3: Service shop/a: is there already, in -, document 1\n" +
		"-:6: yaml: line 6: did not find expected node content"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}
