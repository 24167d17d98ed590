package decode

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/model"
)

const (
	good = `{"apiVersion":"networking.istio.io/v1","kind":"DestinationRule","metadata":{"name":"good","namespace":"shop"},` +
		`"spec":{"host":"a"}}`
	wrong = `{"apiVersion":"networking.istio.io/v1","kind":"DestinationRule","metadata":{"name":"wrong","namespace":"shop","uid":"u"},` +
		`"spec":{"host":7}}`
	unnamed = `{"apiVersion":"networking.istio.io/v1","kind":"DestinationRule","spec":{"host":7}}`
)

// newDecoder returns a decoder, and the names that it has told of.
func newDecoder(t *testing.T) (runtime.Decoder, *[]string) {
	t.Helper()
	scheme := runtime.NewScheme()
	utilruntime.Must(istionetworkingv1.AddToScheme(scheme))
	factory := serializer.NewCodecFactory(scheme).WithoutConversion()
	encodings, is := runtime.SerializerInfoForMediaType(factory.SupportedMediaTypes(), runtime.ContentTypeJSON)
	if !is {
		t.Fatal("there is no JSON")
	}
	var told []string
	tolerant := tolerantly{NegotiatedSerializer: factory, scheme: scheme, tell: func(o metav1.Object, _ error) { told = append(told, o.GetName()) }}
	return tolerant.DecoderToVersion(encodings.Serializer, istionetworkingv1.SchemeGroupVersion), &told
}

func TestDecodeList(t *testing.T) {
	tests := map[string]struct {
		items      string
		wantHosts  []string
		wantMarked []string
		wantErr    bool
	}{
		"all are as they should be":               {items: good, wantHosts: []string{"a"}},
		"one is not, and the others are there":    {items: good + "," + wrong + "," + good, wantHosts: []string{"a", "", "a"}, wantMarked: []string{"wrong"}},
		"one that cannot be named fails the list": {items: good + "," + unnamed, wantErr: true},
		"no object at all":                        {items: ``, wantHosts: nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			decoder, told := newDecoder(t)
			encoded := `{"apiVersion":"networking.istio.io/v1","kind":"DestinationRuleList","metadata":{"resourceVersion":"7","continue":"c"},` +
				`"items":[` + tc.items + `]}`
			list := &istionetworkingv1.DestinationRuleList{}
			_, _, err := decoder.Decode([]byte(encoded), nil, list)
			if (err != nil) != tc.wantErr {
				t.Fatalf("got %v, want an error: %t", err, tc.wantErr)
			}
			if tc.wantErr {
				return
			}
			var hosts, marked []string
			for _, item := range list.Items {
				hosts = append(hosts, item.Spec.GetHost())
				if _, is := model.UndecodedBecause(item); is {
					marked = append(marked, item.Name)
				}
			}
			got, want := [][]string{hosts, marked, *told}, [][]string{tc.wantHosts, tc.wantMarked, tc.wantMarked}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("hosts, those that are marked, those that are told of (-want +got):\n%s", diff)
			}
			if list.ResourceVersion != "7" || list.Continue != "c" {
				t.Errorf("what the list says of itself is lost: %+v", list.ListMeta)
			}
		})
	}
}

func TestDecodeObject(t *testing.T) {
	decoder, told := newDecoder(t)
	decoded, kind, err := decoder.Decode([]byte(wrong), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	rule, is := decoded.(*istionetworkingv1.DestinationRule)
	if !is || kind.Kind != "DestinationRule" {
		t.Fatalf("got a %T of kind %s", decoded, kind)
	}
	why, marked := model.UndecodedBecause(rule)
	if !marked || why == "" || rule.UID != "u" || rule.Namespace != "shop" || len(*told) != 1 {
		t.Errorf("got %+v, told %q", rule.ObjectMeta, *told)
	}
	if _, _, err := decoder.Decode([]byte(unnamed), nil, nil); err == nil {
		t.Error("an object without a name was decoded")
	}
	if _, _, err := decoder.Decode([]byte("{"), nil, nil); err == nil {
		t.Error("what is no JSON was decoded")
	}
}

// TestMarkIsNobodyElses: the mark must be a name that an API server refuses, or anybody could hide an object behind it.
func TestMarkIsNobodyElses(t *testing.T) {
	rule := &istionetworkingv1.DestinationRule{}
	model.MarkUndecoded(rule, "why")
	if errs := validation.ValidateAnnotations(rule.Annotations, nil); len(errs) == 0 {
		t.Errorf("an API server takes %v", rule.Annotations)
	}
}
