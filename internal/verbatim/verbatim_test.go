package verbatim_test

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	kjson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	"github.com/meshtls/meshtls/internal/render"
	"github.com/meshtls/meshtls/internal/verbatim"
	"github.com/meshtls/meshtls/test/worlds"
)

// kinds make empty objects of the kinds that keep.
var kinds = map[string]func() client.Object{
	"PeerAuthentication": func() client.Object { return &verbatim.PeerAuthentication{} },
	"DestinationRule":    func() client.Object { return &verbatim.DestinationRule{} },
	"Gateway":            func() client.Object { return &verbatim.Gateway{} },
}

// content reads JSON into a form that can be compared.
func content(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var fields map[string]any
	if err := kjson.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	return fields
}

// TestNothingIsLost: what is read is what is written, after a copy, whatever fields a newer Istio has put in.
func TestNothingIsLost(t *testing.T) {
	for kind, empty := range kinds {
		t.Run(kind, func(t *testing.T) {
			met := 0
			for seed := range uint64(400) {
				spec, unknown := worlds.Newer(rand.New(rand.NewPCG(seed, 1)), verbatim.SpecOf(empty()).ProtoReflect().Descriptor())
				met += unknown
				text, err := json.Marshal(map[string]any{"metadata": map[string]any{"name": "a"}, "spec": spec})
				if err != nil {
					t.Fatal(err)
				}
				object := empty()
				if err := json.Unmarshal(text, object); err != nil {
					t.Fatalf("seed %d: %v\n%s", seed, err, text)
				}
				copied, _ := object.DeepCopyObject().(client.Object)
				encoded, err := render.Encode(verbatim.Plain(copied))
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(withModes(content(t, text)["spec"]), withModes(encoded["spec"])); diff != "" {
					t.Fatalf("seed %d: written (-read +written):\n%s", seed, diff)
				}
				if got := len(verbatim.Names(verbatim.SpecOf(object))); got != unknown {
					t.Fatalf("seed %d: %d names, want %d", seed, got, unknown)
				}
			}
			if met < 100 {
				t.Errorf("only %d unknown fields were met", met)
			}
		})
	}
}

// TestCopyByTypeIsNoticed: a copy of what the types know, and of nothing else, loses what TestNothingIsLost looks for, in each world that
// has such a field.
func TestCopyByTypeIsNoticed(t *testing.T) {
	byType := proto.UnmarshalOptions{DiscardUnknown: true}
	for kind, empty := range kinds {
		t.Run(kind, func(t *testing.T) {
			noticed := 0
			for seed := range uint64(100) {
				spec, unknown := worlds.Newer(rand.New(rand.NewPCG(seed, 1)), verbatim.SpecOf(empty()).ProtoReflect().Descriptor())
				text, err := json.Marshal(map[string]any{"spec": spec})
				if err != nil {
					t.Fatal(err)
				}
				object, mutant := empty(), empty()
				if err := json.Unmarshal(text, object); err != nil {
					t.Fatal(err)
				}
				encoded, err := proto.Marshal(verbatim.SpecOf(object))
				if err != nil {
					t.Fatal(err)
				}
				if err := byType.Unmarshal(encoded, verbatim.SpecOf(mutant)); err != nil {
					t.Fatal(err)
				}
				written, err := render.Encode(verbatim.Plain(mutant))
				if err != nil {
					t.Fatal(err)
				}
				differs := !cmp.Equal(withModes(content(t, text)["spec"]), withModes(written["spec"]))
				if differs != (unknown > 0) {
					t.Errorf("seed %d: with %d unknown fields, the copy differs: %t", seed, unknown, differs)
				}
				if differs {
					noticed++
				}
			}
			if noticed == 0 {
				t.Error("no copy differs")
			}
		})
	}
}

// withModes leaves out the mode of tls: render.Encode writes the one that an absent mode means.
func withModes(value any) any {
	switch typed := value.(type) {
	case map[string]any:
		for name, below := range typed {
			withModes(below)
			if tls, is := below.(map[string]any); is && name == "tls" {
				delete(tls, "mode")
			}
		}
	case []any:
		for _, below := range typed {
			withModes(below)
		}
	}
	return value
}

func TestUnmarshal(t *testing.T) {
	tests := map[string]struct {
		spec string
		// want are the fields that the type does not know.
		want []string
		// fails says that the object is refused.
		fails bool
	}{
		"nothing unknown":               {spec: `{host: a}`},
		"at the top":                    {spec: `{host: a, later: 1}`, want: []string{"later"}},
		"below":                         {spec: `{host: a, trafficPolicy: {loadBalancer: {later: {a: b}}}}`, want: []string{"trafficPolicy.loadBalancer.later"}},
		"in a list":                     {spec: `{host: a, subsets: [{name: a}, {name: b, later: 1}]}`, want: []string{"subsets[1].later"}},
		"a name that is not known":      {spec: `{host: a, trafficPolicy: {loadBalancer: {simple: LATER}}}`, want: []string{"trafficPolicy.loadBalancer.simple"}},
		"a mode of TLS is not let pass": {spec: `{host: a, trafficPolicy: {tls: {mode: LATER}}}`, fails: true},
		"under Istio's own name":        {spec: `{host: a, traffic_policy: {load_balancer: {later: 1}}}`, want: []string{"trafficPolicy.loadBalancer.later"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var rule verbatim.DestinationRule
			err := yaml.Unmarshal([]byte(`{metadata: {name: a}, spec: `+tc.spec+`}`), &rule)
			if (err != nil) != tc.fails {
				t.Fatalf("got error %v", err)
			}
			if diff := cmp.Diff(tc.want, verbatim.Names(&rule.Spec)); err == nil && diff != "" {
				t.Errorf("names (-want +got):\n%s", diff)
			}
		})
	}
}

func TestKeptIsCompared(t *testing.T) {
	var one, other, same verbatim.DestinationRule
	for text, into := range map[string]*verbatim.DestinationRule{
		`{spec: {host: a, b: 1, c: 2}}`: &one, `{spec: {c: 2, host: a, b: 1}}`: &same, `{spec: {host: a, b: 1}}`: &other,
	} {
		if err := yaml.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	if !proto.Equal(&one.Spec, &same.Spec) {
		t.Error("the same fields in another order: got different, want equal")
	}
	if proto.Equal(&one.Spec, &other.Spec) {
		t.Error("one field less: got equal, want different")
	}
}

func TestCopy(t *testing.T) {
	var from, into verbatim.DestinationRule
	for text, object := range map[string]*verbatim.DestinationRule{`{spec: {b: 1, c: 2}}`: &from, `{spec: {b: 3}}`: &into} {
		if err := yaml.Unmarshal([]byte(text), object); err != nil {
			t.Fatal(err)
		}
	}
	verbatim.Copy(&from.Spec, &into.Spec)
	written := map[string]any{}
	verbatim.Restore(written, &into.Spec)
	if diff := cmp.Diff(map[string]any{"b": int64(3), "c": int64(2)}, written); diff != "" {
		t.Errorf("the copy (-want +got):\n%s", diff)
	}
}

func TestMarshal(t *testing.T) {
	for kind, empty := range kinds {
		t.Run(kind, func(t *testing.T) {
			object := empty()
			text := []byte(`{"apiVersion":"v1","kind":"K","metadata":{"name":"a"},"spec":{"later":{"a":1}}}`)
			if err := json.Unmarshal(text, object); err != nil {
				t.Fatal(err)
			}
			written, err := json.Marshal(object)
			if err != nil {
				t.Fatal(err)
			}
			got := content(t, written)
			delete(got, "status")
			if diff := cmp.Diff(content(t, text), got); diff != "" {
				t.Errorf("written (-read +written):\n%s", diff)
			}
		})
	}
}

func TestOfAndPlain(t *testing.T) {
	for name, object := range map[string]client.Object{
		"PeerAuthentication": &istiosecurityv1.PeerAuthentication{}, "DestinationRule": &istionetworkingv1.DestinationRule{},
		"Gateway": &istionetworkingv1.Gateway{},
	} {
		object.SetName("a")
		if diff := cmp.Diff(object.GetName(), verbatim.Plain(verbatim.Of(object)).GetName()); diff != "" {
			t.Errorf("%s there and back (-want +got):\n%s", name, diff)
		}
		if verbatim.Of(object) == object {
			t.Errorf("%s: Of gave the object itself", name)
		}
	}
	other := &istionetworkingv1.Sidecar{}
	if verbatim.Of(other) != client.Object(other) || verbatim.Plain(other) != client.Object(other) {
		t.Error("an object of another kind: got another, want itself")
	}
}

func TestWithout(t *testing.T) {
	var rule verbatim.DestinationRule
	if err := yaml.Unmarshal([]byte(`{spec: {a: 1, b: 2, trafficPolicy: {c: 3}}}`), &rule); err != nil {
		t.Fatal(err)
	}
	left := verbatim.Without(&rule.Spec, func(name string) bool { return name != "b" })
	if diff := cmp.Diff([]string{"b"}, verbatim.Names(left)); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a", "b", "trafficPolicy.c"}, verbatim.Names(&rule.Spec)); diff != "" {
		t.Errorf("the message itself (-want +got):\n%s", diff)
	}
	if same := verbatim.Without(&rule.Spec, func(string) bool { return false }); same != proto.Message(&rule.Spec) {
		t.Error("nothing is dropped: got a copy, want the message")
	}
}
