package conformance_test

import (
	"slices"
	"strings"
	"testing"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/test/conformance/oracle"
	"github.com/meshtls/meshtls/test/worlds"
)

const (
	// blindFirst is the seed of the first world, blindWorlds how many worlds of its class are tried for each blindness.
	blindFirst, blindWorlds = 0, 60
)

// blindness takes something of a class out of the world that the operator sees, and reports whether it is to be left out as a whole.
type blindness struct {
	class string
	hides func(client.Object) bool
}

// blindnesses are operators that do not know what is in a class of worlds: each is a model of Istio with the rules about it taken out.
var blindnesses = []blindness{
	{"Sidecars", isA[*istionetworkingv1.Sidecar]},
	{"discoverySelectors", withoutMeshLines("discoverySelectors:", "- matchLabels:")},
	{"selecting wildcards", bearing("wildcard")},
	{"interception NONE", altered(func(p *corev1.Pod) { delete(p.Annotations, "sidecar.istio.io/interceptionMode") })},
	{"pods without a proxy", altered(withProxy)},
	{"unprivileged gateways", altered(func(p *corev1.Pod) {
		for i := range p.Spec.Containers {
			p.Spec.Containers[i].Env = nil
		}
	})},
	{"private VirtualServices by default", withoutMeshLines("defaultVirtualServiceExportTo:")},
}

func withProxy(p *corev1.Pod) {
	if len(p.Spec.Containers) == 1 && p.Spec.Containers[0].Name == "app" {
		p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: "istio-proxy", Image: "proxy"})
	}
}

func isA[T client.Object](o client.Object) bool {
	_, is := o.(T)
	return is
}

// bearing hides all but pods of a name.
func bearing(name string) func(client.Object) bool {
	return func(o client.Object) bool { return o.GetName() == name && !isA[*corev1.Pod](o) }
}

func altered[T client.Object](change func(T)) func(client.Object) bool {
	return func(o client.Object) bool {
		if typed, is := o.(T); is {
			change(typed)
		}
		return false
	}
}

// withoutMeshLines takes the lines of the mesh config away that begin so.
func withoutMeshLines(prefixes ...string) func(client.Object) bool {
	return altered(func(config *corev1.ConfigMap) {
		var kept []string
		for line := range strings.Lines(config.Data["mesh"]) {
			if !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(line, p) }) {
				kept = append(kept, line)
			}
		}
		config.Data["mesh"] = strings.Join(kept, "")
	})
}

// TestIntentNoticesBlindness proves that the property speaks of the wider worlds: an operator that does not see what is in a class of them
// says Ready where Istio does otherwise, and that is noticed.
func TestIntentNoticesBlindness(t *testing.T) {
	for _, b := range blindnesses {
		t.Run(b.class, func(t *testing.T) {
			tried := 0
			for seed := uint64(blindFirst); tried < blindWorlds; seed++ {
				drawn := worlds.Apt(worlds.Wide(seed))
				if !slices.Contains(drawn.Classes, b.class) {
					continue
				}
				tried++
				if b.deceives(t, seed, drawn) {
					t.Logf("noticed in world %d, the %dth of the class", seed, tried)
					return
				}
			}
			t.Errorf("an operator that does not see them is never wrong in %d worlds", tried)
		})
	}
}

// deceives reports whether a policy is Ready in the eyes of an operator with the blindness, though Istio does not do what it says.
func (b blindness) deceives(t *testing.T, seed uint64, drawn worlds.Drawn) bool {
	t.Helper()
	policies := admitted(t, drawn.Policies)
	all := documents(t, drawn.Cluster).With(documents(t, policies)...)
	drawn.Cluster = slices.DeleteFunc(drawn.Cluster, b.hides) // after all has been written down
	seen := documents(t, drawn.Cluster).With(documents(t, policies)...)
	operated, err := oracle.Operate(t.Context(), seen, birth(seed))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, operated, policies)
	return len(w.violations(t, all.With(operated.Rendered...), &tally{})) > 0
}
