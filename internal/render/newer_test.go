package render_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	kjson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	networkingapi "istio.io/api/networking/v1alpha3"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/render"
	"github.com/meshtls/meshtls/internal/verbatim"
	"github.com/meshtls/meshtls/test/worlds"
)

// newerRule returns the spec of a DestinationRule of a newer Istio, as a user wrote it and as it is read.
func newerRule(t *testing.T, seed uint64) (map[string]any, *networkingapi.DestinationRule) {
	t.Helper()
	written, _ := worlds.Newer(rand.New(rand.NewPCG(seed, 2)), (&networkingapi.DestinationRule{}).ProtoReflect().Descriptor())
	var rule verbatim.DestinationRule
	text, err := json.Marshal(map[string]any{"spec": written})
	if err == nil {
		err = json.Unmarshal(text, &rule)
	}
	if err != nil {
		t.Fatal(err)
	}
	var read struct {
		Spec map[string]any `json:"spec"`
	}
	if err := kjson.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	return read.Spec, &rule.Spec
}

// composedFrom returns what is rendered from a base.
func composedFrom(t *testing.T, base *networkingapi.DestinationRule, with model.SendRule) map[string]any {
	t.Helper()
	with.Host, with.Audience, with.Base = "a.shop.svc.cluster.local", model.AudienceNamespace, base
	rendered := render.Objects(model.Plan{Namespace: "shop", Sends: []model.SendRule{with}})
	content, err := render.Encode(rendered.DestinationRules[0])
	if err != nil {
		t.Fatal(err)
	}
	spec, _ := content["spec"].(map[string]any)
	return spec
}

// TestNothingIsLostFromABase: what a newer Istio has put into a base, outside of TLS and at any level, is in what is composed from it.
func TestNothingIsLostFromABase(t *testing.T) {
	istioMutual := meshtlsv1alpha1.ClientTLS{Mode: meshtlsv1alpha1.SendIstioMutual}
	rules := map[string]model.SendRule{
		"a mode":     {TLS: istioMutual},
		"a port":     {Ports: []model.PortTLS{{Port: 3, TLS: istioMutual}}},
		"Istio's":    {TLS: istioMutual, HostPorts: []int32{2, 3}, Ports: []model.PortTLS{{Port: 3, TLS: meshtlsv1alpha1.ClientTLS{Mode: meshtlsv1alpha1.SendAuto}}}},
		"no setting": {Companion: true},
	}
	for name, with := range rules {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(300) {
				written, base := newerRule(t, seed)
				before := proto.CloneOf(base)
				composed := composedFrom(t, base, with)
				if lost := lostFrom("spec", written, composed); len(lost) > 0 {
					t.Fatalf("seed %d: lost:\n%s\nbase: %v\ncomposed: %v", seed, strings.Join(lost, "\n"), written, composed)
				}
				if !proto.Equal(before, base) {
					t.Fatalf("seed %d: the base was changed", seed)
				}
			}
		})
	}
}

// TestCopyingByTypeIsNoticed: the property fails for one who copies what the types know.
func TestCopyingByTypeIsNoticed(t *testing.T) {
	noticed := 0
	for seed := range uint64(100) {
		written, base := newerRule(t, seed)
		text, err := protojson.Marshal(base)
		if err != nil {
			t.Fatal(err)
		}
		byType := &networkingapi.DestinationRule{}
		if err := protojson.Unmarshal(text, byType); err != nil {
			t.Fatal(err)
		}
		if len(lostFrom("spec", written, composedFrom(t, byType, model.SendRule{}))) > 0 {
			noticed++
		}
	}
	if noticed < 50 {
		t.Errorf("noticed in %d of 100 bases, want most", noticed)
	}
}

// decided are the fields that a rule says anew: its host, its audience, and TLS.
var decided = map[string]bool{
	"spec.host": true, "spec.exportTo": true, "spec.workloadSelector": true,
}

// lostFrom returns the paths of what is written and not composed, outside of what the rule decides. Ports are found by their number.
func lostFrom(path string, written, composed any) []string {
	switch typed := written.(type) {
	case map[string]any:
		into, _ := composed.(map[string]any)
		var lost []string
		for name, value := range typed {
			at := path + "." + name
			if decided[at] || name == "tls" {
				continue
			}
			if _, there := into[name]; !there {
				lost = append(lost, at)
				continue
			}
			lost = append(lost, lostFrom(at, value, into[name])...)
		}
		return lost
	case []any:
		into, _ := composed.([]any)
		var lost []string
		for i, value := range typed {
			lost = append(lost, lostFrom(fmt.Sprintf("%s[%d]", path, i), value, counterpart(path, value, into, i))...)
		}
		return lost
	default:
		if !cmp.Equal(written, composed) {
			return []string{fmt.Sprintf("%s: %v is %v", path, written, composed)}
		}
		return nil
	}
}

// counterpart returns what stands in a list for the element at i: entries of ports are in order of their numbers, and others where they were.
func counterpart(path string, element any, list []any, i int) any {
	if !strings.HasSuffix(path, ".portLevelSettings") {
		if i < len(list) {
			return list[i]
		}
		return nil
	}
	var same []any
	for _, other := range list {
		if cmp.Equal(numberOf(element), numberOf(other)) {
			same = append(same, other)
		}
	}
	for _, other := range same {
		if len(lostFrom(path, element, other)) == 0 {
			return other
		}
	}
	if len(same) > 0 {
		return same[0]
	}
	return nil
}

func numberOf(entry any) any {
	content, _ := entry.(map[string]any)
	port, _ := content["port"].(map[string]any)
	return port["number"]
}

// TestPortEntriesOfANewerIstio: a port's entry stands for all settings of the port, those that are not known included.
func TestPortEntriesOfANewerIstio(t *testing.T) {
	simple := model.SendRule{Ports: []model.PortTLS{{Port: 80, TLS: meshtlsv1alpha1.ClientTLS{Mode: meshtlsv1alpha1.SendSimple}}}}
	tests := map[string]struct {
		base string
		rule model.SendRule
		want string
	}{
		"an entry with nothing else stays as it is": {
			base: `{trafficPolicy: {portLevelSettings: [{port: {number: 80}, later: 1}]}}`,
			want: `{host: a.shop.svc.cluster.local, trafficPolicy: {portLevelSettings: [{port: {number: 80}, later: 1}]}}`,
		},
		"a new entry of a subset takes the destination's along": {
			base: `{trafficPolicy: {portLevelSettings: [{port: {number: 80}, later: 1}]}, subsets: [{name: v1, trafficPolicy: {tls: {mode: DISABLE}}}]}`,
			rule: simple,
			want: `{host: a.shop.svc.cluster.local, trafficPolicy: {portLevelSettings: [{port: {number: 80}, later: 1, tls: {mode: SIMPLE}}]},
              subsets: [{name: v1, trafficPolicy: {tls: {mode: DISABLE}, portLevelSettings: [{port: {number: 80}, later: 1, tls: {mode: SIMPLE}}]}}]}`,
		},
		"a size of 64 bits stays a number": {
			base: `{trafficPolicy: {loadBalancer: {consistentHash: {useSourceIp: true, ringHash: {minimumRingSize: 512}}}}}`,
			want: `{host: a.shop.svc.cluster.local, trafficPolicy: {loadBalancer: {consistentHash: {useSourceIp: true, ringHash: {minimumRingSize: 512}}}}}`,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var rule verbatim.DestinationRule
			if err := yaml.Unmarshal([]byte(`{spec: `+tc.base+`}`), &rule); err != nil {
				t.Fatal(err)
			}
			var want map[string]any
			text, err := yaml.YAMLToJSON([]byte(tc.want))
			if err == nil {
				err = kjson.Unmarshal(text, &want)
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, composedFrom(t, &rule.Spec, tc.rule)); diff != "" {
				t.Errorf("composed (-want +got):\n%s", diff)
			}
		})
	}
}
