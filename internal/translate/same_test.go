package translate

import (
	"reflect"
	"testing"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// TestSettingsAreComparedWhole sets one field after the other, so that a field which is added later cannot be forgotten.
func TestSettingsAreComparedWhole(t *testing.T) {
	eachField(t, func(t *testing.T, a, b meshtlsv1alpha1.ClientTLS) {
		if sameTLS(a, b) {
			t.Errorf("%+v and %+v count as the same", a, b)
		}
	})
	eachField(t, func(t *testing.T, a, b model.AcceptSettings) {
		if sameAccept(acceptValue{AcceptSettings: a}, acceptValue{AcceptSettings: b}) {
			t.Errorf("%+v and %+v count as the same", a, b)
		}
	})
}

// eachField compares the zero value with one in which a single field is set, for each field.
func eachField[T any](t *testing.T, compare func(t *testing.T, a, b T)) {
	t.Helper()
	for _, field := range reflect.VisibleFields(reflect.TypeFor[T]()) {
		t.Run(field.Name, func(t *testing.T) {
			var zero, set T
			value := reflect.ValueOf(&set).Elem().FieldByIndex(field.Index)
			switch value.Kind() {
			case reflect.String:
				value.SetString("x")
			case reflect.Slice:
				value.Set(reflect.ValueOf([]string{"x"}))
			case reflect.Pointer:
				value.Set(reflect.New(value.Type().Elem()))
				value.Elem().SetBool(true)
			default:
				t.Fatalf("do not know how to set a %s", value.Kind())
			}
			compare(t, zero, set)
		})
	}
}

func TestSameTLS(t *testing.T) {
	no := false
	tests := map[string]struct{ a, b meshtlsv1alpha1.ClientTLS }{
		"false is said by leaving the field out": {b: meshtlsv1alpha1.ClientTLS{InsecureSkipVerify: &no}},
		"an empty list is no list":               {b: meshtlsv1alpha1.ClientTLS{SubjectAltNames: []string{}}},
		"names are a set": {
			a: meshtlsv1alpha1.ClientTLS{SubjectAltNames: []string{"a", "b"}}, b: meshtlsv1alpha1.ClientTLS{SubjectAltNames: []string{"b", "a"}},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if !sameTLS(tc.a, tc.b) {
				t.Errorf("%+v and %+v count as different", tc.a, tc.b)
			}
		})
	}
}
