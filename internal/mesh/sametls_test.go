package mesh

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	networkingapi "istio.io/api/networking/v1alpha3"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
)

// TestSameSentComparesAllThatIsUsed sets one field of Istio's settings after the other: each counts, but for those that the mode ignores.
// A field that Istio's API gains counts from the first.
func TestSameSentComparesAllThatIsUsed(t *testing.T) {
	own := []string{"client_certificate", "private_key"}
	authority := []string{"ca_certificates", "credential_name", "ca_cert_credential_name", "insecure_skip_verify", "ca_crl"}
	tests := map[meshtlsv1alpha1.SendMode][]string{
		meshtlsv1alpha1.SendMutual:      {"mode"},
		meshtlsv1alpha1.SendSimple:      append([]string{"mode"}, own...),
		meshtlsv1alpha1.SendIstioMutual: slices.Concat([]string{"mode"}, own, authority),
	}
	for mode, ignored := range tests {
		t.Run(string(mode), func(t *testing.T) {
			want := slices.Sorted(slices.Values(ignored))
			if got := fieldsIgnored(mode, SameSent); !slices.Equal(got, want) {
				t.Errorf("ignored are %v, want %v", got, want)
			}
		})
	}
}

// TestForgottenFieldIsNoticed compares without the server name.
func TestForgottenFieldIsNoticed(t *testing.T) {
	withoutName := func(a, b istio.TLS) bool {
		a.Settings, b.Settings = proto.CloneOf(a.Settings), proto.CloneOf(b.Settings)
		a.Settings.Sni, b.Settings.Sni = "", ""
		return SameSent(a, b)
	}
	if got := fieldsIgnored(meshtlsv1alpha1.SendMutual, withoutName); !slices.Equal(got, []string{"mode", "sni"}) {
		t.Errorf("ignored are %v, want mode and sni", got)
	}
}

// fieldsIgnored returns the fields of Istio's settings that make no difference to the comparison, in order.
func fieldsIgnored(mode meshtlsv1alpha1.SendMode, same func(a, b istio.TLS) bool) []string {
	var ignored []string
	fields := (&networkingapi.ClientTLSSettings{}).ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		set := &networkingapi.ClientTLSSettings{}
		set.ProtoReflect().Set(fields.Get(i), someValue(set.ProtoReflect(), fields.Get(i)))
		if same(istio.TLS{Mode: mode, Settings: set}, istio.TLS{Mode: mode, Settings: &networkingapi.ClientTLSSettings{}}) {
			ignored = append(ignored, string(fields.Get(i).Name()))
		}
	}
	slices.Sort(ignored)
	return ignored
}

// someValue returns a value of the field that is not its zero value.
func someValue(of protoreflect.Message, field protoreflect.FieldDescriptor) protoreflect.Value {
	switch {
	case field.IsList():
		list := of.NewField(field)
		list.List().Append(protoreflect.ValueOfString("x"))
		return list
	case field.Kind() == protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(1)
	case field.Kind() == protoreflect.MessageKind: // a wrapped bool
		wrapped := of.NewField(field)
		wrapped.Message().Set(field.Message().Fields().ByName("value"), protoreflect.ValueOfBool(true))
		return wrapped
	default:
		return protoreflect.ValueOfString("x")
	}
}
