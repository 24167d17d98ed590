package render

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// leaves calls visit for each field of a struct, those of embedded structs included.
func leaves(v reflect.Value, visit func(name string, field reflect.Value)) {
	for i := range v.NumField() {
		if v.Type().Field(i).Anonymous {
			leaves(v.Field(i), visit)
			continue
		}
		visit(v.Type().Field(i).Name, v.Field(i))
	}
}

// enumSamples are values of the enums that differ from what an unset field means.
var enumSamples = map[reflect.Type]string{
	reflect.TypeFor[meshtlsv1alpha1.SendMode]():            "Mutual",
	reflect.TypeFor[meshtlsv1alpha1.TerminateProtocol]():   "TLS",
	reflect.TypeFor[meshtlsv1alpha1.TerminateMode]():       "Mutual",
	reflect.TypeFor[meshtlsv1alpha1.TLSVersion]():          "TLSV1_3",
	reflect.TypeFor[meshtlsv1alpha1.TLSProfile]():          "Modern",
	reflect.TypeFor[meshtlsv1alpha1.PassthroughProtocol](): "HTTPS",
	reflect.TypeFor[meshtlsv1alpha1.PassthroughRouting]():  "Auto",
	reflect.TypeFor[meshtlsv1alpha1.PlaintextProtocol]():   "GRPC",
}

// fill sets a field to something that it is not when it is left out.
func fill(t *testing.T, field reflect.Value) {
	t.Helper()
	switch sample, isEnum := enumSamples[field.Type()]; {
	case isEnum:
		field.SetString(sample)
	case field.Kind() == reflect.String:
		field.SetString("sample")
	case field.Kind() == reflect.Int32:
		field.SetInt(4711)
	case field.Kind() == reflect.Bool:
		field.SetBool(true)
	case field.Kind() == reflect.Slice:
		field.Set(reflect.MakeSlice(field.Type(), 1, 1))
		fill(t, field.Index(0))
	case field.Kind() == reflect.Pointer:
		field.Set(reflect.New(field.Type().Elem()))
		fill(t, field.Elem())
	default:
		t.Fatalf("no sample for %s: teach fill", field.Type())
	}
}

// encoded returns the JSON of the only object that the plan renders.
func encoded(t *testing.T, p model.Plan) []byte {
	t.Helper()
	objects := inOrder(Objects(p))
	if len(objects) != 1 {
		t.Fatalf("got %d objects, want 1", len(objects))
	}
	return asJSON(t, objects[0])
}

func asJSON(t *testing.T, object metav1.Object) []byte {
	t.Helper()
	content, err := Encode(object)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Every field of the API's TLS settings must reach the object: a forgotten one would be a setting that silently does nothing.
func TestEveryFieldIsRendered(t *testing.T) {
	tests := map[string]struct {
		// empty makes a settings struct, plan a plan with it.
		empty func() any
		plan  func(settings any) model.Plan
	}{
		"destination": {
			empty: func() any { return &meshtlsv1alpha1.ClientTLS{Mode: "Simple"} },
			plan: func(settings any) model.Plan {
				return model.Plan{Sends: []model.SendRule{{Host: "a.example", TLS: *settings.(*meshtlsv1alpha1.ClientTLS)}}}
			},
		},
		"port of a destination": {
			empty: func() any { return &meshtlsv1alpha1.ClientTLS{Mode: "Simple"} },
			plan: func(settings any) model.Plan {
				ports := []model.PortTLS{{Port: 443, TLS: *settings.(*meshtlsv1alpha1.ClientTLS)}}
				return model.Plan{Sends: []model.SendRule{{Host: "a.example", Ports: ports}}}
			},
		},
		"terminate":   {empty: func() any { return &meshtlsv1alpha1.Terminate{} }, plan: serverPlan},
		"passthrough": {empty: func() any { return &meshtlsv1alpha1.Passthrough{} }, plan: serverPlan},
		"plaintext":   {empty: func() any { return &meshtlsv1alpha1.Plaintext{} }, plan: serverPlan},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			without := encoded(t, tc.plan(tc.empty()))
			settings := tc.empty()
			leaves(reflect.ValueOf(settings).Elem(), func(field string, value reflect.Value) {
				before := reflect.New(value.Type()).Elem()
				before.Set(value)
				fill(t, value)
				if bytes.Equal(encoded(t, tc.plan(settings)), without) {
					t.Errorf("%s does not change the object", field)
				}
				value.Set(before)
			})
		})
	}
}

func serverPlan(settings any) model.Plan {
	server := model.Server{PortName: "p"}
	switch s := settings.(type) {
	case *meshtlsv1alpha1.Terminate:
		server.Terminate = s
	case *meshtlsv1alpha1.Passthrough:
		server.Passthrough = s
	case *meshtlsv1alpha1.Plaintext:
		server.Plaintext = s
	}
	return model.Plan{Gateways: []model.GatewayRule{{Policy: "p", Servers: []model.Server{server}}}}
}
