package conformance_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/yaml"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	meshtlscrd "github.com/meshtls/meshtls/config/crd"
	"github.com/meshtls/meshtls/test/conformance/intent"
	"github.com/meshtls/meshtls/test/conformance/oracle"
	"github.com/meshtls/meshtls/test/worlds"
)

const (
	// fieldWorlds are the random worlds in which fields are looked for, and fieldTries how often one is changed in vain.
	fieldWorlds, fieldTries = 300, 60
)

// unreadFields are the fields that no claim depends on, with the reason.
var unreadFields = map[string]string{
	"spec.accept.floorExceptions[].reason": "it is written for those who read the exception",
	"spec.terminate[].name":                "it is for messages: no TLS depends on it",
	"spec.passthrough[].name":              "it is for messages: no TLS depends on it",
	"spec.plaintext[].name":                "it is for messages: no TLS depends on it",
	"spec.passthrough[].protocol":          "TLS and HTTPS are passed through alike",
}

// ofNewerIstio are the fields that the Istio which is asked does not have: it would not do what they say. The compile's goldens have them, and
// test/mesh/profiles shows what they do to a client.
var ofNewerIstio = sets.New("spec.terminate[].ecdhCurves[]", "spec.terminate[].alpnProtocols[]")

// ofKubernetesGateways name a Gateway of the Kubernetes Gateway API, which random worlds do not have, and a workload is none: the compile's
// goldens have them, and test/conformance/gatewayapi has Istio judge such Gateways.
var ofKubernetesGateways = sets.New(
	"spec.gateway.gateway.group", "spec.gateway.gateway.name", "spec.workload.gateway.group", "spec.workload.gateway.name",
)

// inTime are the fields that decide when something comes to be in force, and not what: worlds are looked at once. internal/rollout holds
// each of them to a table of transitions and to the property that no sequence of events loosens anything, and internal/compile has what
// each stage renders.
const inTime = "spec.accept.rollout."

// TestEveryFieldIsDrawnAndRead walks the schema of the policies: each field of the spec is set in some random world, and what must be true
// of the proxies changes with it, as the interpreter of the intent property reads it.
func TestEveryFieldIsDrawnAndRead(t *testing.T) {
	w := walkOf(t, fieldsOf(t), intent.World.Claims)
	if len(w.fields) < 50 {
		t.Fatalf("only %d fields are found in the schema", len(w.fields))
	}
	for _, path := range slices.Sorted(maps.Keys(w.fields)) {
		reason, excused := unreadFields[path]
		switch {
		case strings.HasPrefix(path, inTime), ofNewerIstio.Has(path), ofKubernetesGateways.Has(path):
		case !w.drawn.Has(path):
			t.Errorf("%s is set in no random world: test/worlds does not draw it", path)
		case !w.read.Has(path) && !excused:
			t.Errorf("%s: no claim changes with it, in %d policies: test/conformance/intent does not read it", path, w.tried[path])
		case w.read.Has(path) && excused:
			t.Errorf("%s is read, and stands among those that are not (%s)", path, reason)
		}
	}
	for path := range unreadFields {
		if _, known := w.fields[path]; !known {
			t.Errorf("%s stands among those that are not read, and is no field", path)
		}
	}
}

// TestFieldsThatNobodyReadsAreNoticed takes exceptions from floors away before the interpreter sees them, and adds a field that nobody
// draws.
func TestFieldsThatNobodyReadsAreNoticed(t *testing.T) {
	fields := fieldsOf(t)
	fields["spec.accept.invented"] = apiextensionsv1.JSONSchemaProps{Type: "string"}
	maps.DeleteFunc(fields, func(path string, _ apiextensionsv1.JSONSchemaProps) bool {
		return !strings.HasPrefix(path, "spec.accept.")
	})
	w := walkOf(t, fields, func(w intent.World) []intent.Claim {
		var without []*meshtlsv1alpha1.MeshTLSPolicy
		for _, p := range w.Policies {
			p = p.DeepCopy()
			if p.Spec.Accept != nil {
				p.Spec.Accept.FloorExceptions = nil
			}
			without = append(without, p)
		}
		w.Policies = without
		return w.Claims()
	})
	if w.drawn.Has("spec.accept.invented") {
		t.Error("a field that is in no schema is drawn")
	}
	for path := range fields {
		if strings.Contains(path, "floorExceptions") && w.read.Has(path) {
			t.Errorf("%s is read by an interpreter that does not see it", path)
		}
	}
	if !w.read.Has("spec.accept.floor") {
		t.Error("the floor is not read")
	}
}

// fieldsOf returns the fields of the spec by their paths, those of lists with [] behind the list's name.
func fieldsOf(t *testing.T) map[string]apiextensionsv1.JSONSchemaProps {
	t.Helper()
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(meshtlscrd.MeshTLSPolicy), 4096).Decode(&crd); err != nil {
		t.Fatal(err)
	}
	fields := map[string]apiextensionsv1.JSONSchemaProps{}
	addFields(fields, "spec", crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"])
	return fields
}

func addFields(fields map[string]apiextensionsv1.JSONSchemaProps, path string, schema apiextensionsv1.JSONSchemaProps) {
	switch {
	case schema.Items != nil:
		addFields(fields, path+"[]", *schema.Items.Schema)
	case len(schema.Properties) > 0:
		for name, property := range schema.Properties {
			addFields(fields, path+"."+name, property)
		}
	default:
		fields[path] = schema
	}
}

// fieldWalk is what was seen of the fields in random worlds.
type fieldWalk struct {
	fields      map[string]apiextensionsv1.JSONSchemaProps
	claims      func(intent.World) []intent.Claim
	drawn, read sets.Set[string]
	// tried counts, by field, the policies in which it was changed.
	tried map[string]int
}

func walkOf(
	t *testing.T, fields map[string]apiextensionsv1.JSONSchemaProps, claims func(intent.World) []intent.Claim,
) fieldWalk {
	t.Helper()
	w := fieldWalk{fields: fields, claims: claims, drawn: sets.New[string](), read: sets.New[string](), tried: map[string]int{}}
	for seed := range uint64(fieldWorlds) {
		spoken := spokenWorld(t, seed)
		before := w.words(spoken)
		for i := range spoken.Policies {
			w.change(t, spoken, i, before)
		}
	}
	return w
}

// spokenWorld returns the world of a seed as its files say it, with the policies that the API server admits.
func spokenWorld(t *testing.T, seed uint64) intent.World {
	t.Helper()
	cluster, policies := worlds.Random(seed)
	w := intent.World{Root: worlds.RootNamespace, Now: oracle.Written, AutoMTLS: true, Policies: admitted(t, policies)}
	for _, o := range cluster {
		switch typed := o.(type) {
		case *corev1.Pod:
			w.Pods = append(w.Pods, *typed)
		case *corev1.Service:
			w.Services = append(w.Services, *typed)
		case *istionetworkingv1.ServiceEntry:
			w.Entries = append(w.Entries, typed)
		}
	}
	return w
}

// words returns all that is claimed of the world.
func (w fieldWalk) words(spoken intent.World) []string {
	var all []string
	for _, claim := range w.claims(spoken) {
		all = append(all, intent.Violation{Claim: claim}.String())
	}
	slices.Sort(all)
	return all
}

// change looks whether other things are claimed once a field of the policy has another value, for each field that the policy sets.
func (w fieldWalk) change(t *testing.T, spoken intent.World, at int, before []string) {
	t.Helper()
	for path, schema := range w.fields {
		if w.read.Has(path) || w.tried[path] == fieldTries {
			continue
		}
		policy, is := changed(t, spoken.Policies[at], strings.Split(path, "."), schema)
		if !is {
			continue
		}
		w.drawn.Insert(path)
		w.tried[path]++
		other := spoken
		other.Policies = slices.Clone(spoken.Policies)
		other.Policies[at] = policy
		if !slices.Equal(before, w.words(other)) {
			w.read.Insert(path)
		}
	}
}

// changed returns the policy with another value in the field, if it sets the field.
func changed(
	t *testing.T, p *meshtlsv1alpha1.MeshTLSPolicy, path []string, schema apiextensionsv1.JSONSchemaProps,
) (*meshtlsv1alpha1.MeshTLSPolicy, bool) {
	t.Helper()
	content, err := worlds.Manifest(p)
	if err != nil {
		t.Fatal(err)
	}
	value, is := changedAt(content, path, schema)
	if !is {
		return nil, false
	}
	var other meshtlsv1alpha1.MeshTLSPolicy
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(value.(map[string]any), &other); err != nil {
		t.Fatal(err)
	}
	return &other, true
}

// changedAt changes what stands at the path below the value, in all items of lists.
func changedAt(value any, path []string, schema apiextensionsv1.JSONSchemaProps) (any, bool) {
	if len(path) == 0 {
		return otherValue(value, schema), true
	}
	name, isList := strings.CutSuffix(path[0], "[]")
	object, _ := value.(map[string]any)
	below, is := object[name]
	if !is {
		return value, false
	}
	if !isList {
		object[name], is = changedAt(below, path[1:], schema)
		return value, is
	}
	items, found := below.([]any), false
	for i := range items {
		other, is := changedAt(items[i], path[1:], schema)
		items[i], found = other, found || is
	}
	return value, found
}

// otherValue returns another value that the schema may have: a later one of an enum, or an earlier day.
func otherValue(value any, schema apiextensionsv1.JSONSchemaProps) any {
	switch v := value.(type) {
	case string:
		for i, each := range schema.Enum {
			if string(each.Raw) == fmt.Sprintf("%q", v) {
				return strings.Trim(string(schema.Enum[(i+1)%len(schema.Enum)].Raw), `"`)
			}
		}
		if schema.Format == "date" {
			return "2000-01-01"
		}
		return v + "x"
	case int64:
		return v + 1
	case bool:
		return !v
	case map[string]any:
		other := map[string]any{}
		for key, each := range v {
			other[key] = fmt.Sprint(each, "x")
		}
		return other
	default:
		return value
	}
}
