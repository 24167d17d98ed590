package translate

import (
	"reflect"
	"slices"
	"testing"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// TestSettingsAreComparedWhole sets one field after the other, so that a field which is added later cannot be forgotten.
func TestSettingsAreComparedWhole(t *testing.T) {
	if forgotten := fieldsForgotten(t, sameTLS); len(forgotten) > 0 {
		t.Errorf("settings of clients count as the same whatever they say in %v", forgotten)
	}
	sameSettings := func(a, b model.AcceptSettings) bool {
		return sameAccept(acceptValue{AcceptSettings: a}, acceptValue{AcceptSettings: b})
	}
	if forgotten := fieldsForgotten(t, sameSettings); len(forgotten) > 0 {
		t.Errorf("settings of servers count as the same whatever they say in %v", forgotten)
	}
	withoutSNI := func(a, b meshtlsv1alpha1.ClientTLS) bool {
		a.SNI, b.SNI = "", ""
		return sameTLS(a, b)
	}
	if forgotten := fieldsForgotten(t, withoutSNI); !slices.Equal(forgotten, []string{"SNI"}) {
		t.Errorf("a comparison that forgets SNI is said to forget %v", forgotten)
	}
}

// fieldsForgotten compares the zero value with one in which a single field is set, and returns the fields that make no difference.
func fieldsForgotten[T any](t *testing.T, same func(a, b T) bool) []string {
	t.Helper()
	var forgotten []string
	for _, field := range reflect.VisibleFields(reflect.TypeFor[T]()) {
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
		if same(zero, set) {
			forgotten = append(forgotten, field.Name)
		}
	}
	return forgotten
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
