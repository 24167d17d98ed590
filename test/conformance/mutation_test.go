package conformance_test

import (
	"fmt"
	"slices"
	"testing"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/test/conformance/intent"
	"github.com/meshtls/meshtls/test/conformance/oracle"
	"github.com/meshtls/meshtls/test/worlds"
)

const (
	// mutatedWorlds are the random worlds in which objects are broken, mutantsEach how often each mutation is tried.
	mutatedWorlds, mutantsEach = 100, 5
	// caughtOf is how many of ten mutants must be noticed. Not all can: a PeerAuthentication that says what holds anyway can go.
	caughtOf = 6
)

// mutations break a rendered object. They return false where the object has nothing to break in this way.
var mutations = map[string]func(*unstructured.Unstructured) bool{
	"a PeerAuthentication is about other pods": func(o *unstructured.Unstructured) bool {
		mode, _, _ := unstructured.NestedString(o.Object, "spec", "mtls", "mode")
		return mode != "" && mode != "PERMISSIVE" && set(o, map[string]any{"app": "nobody"}, "spec", "selector", "matchLabels")
	},
	"a PeerAuthentication has another mode": func(o *unstructured.Unstructured) bool { return otherMode(o, "spec", "mtls", "mode") },
	"a PeerAuthentication loses its ports": func(o *unstructured.Unstructured) bool {
		return o.GetKind() == model.KindPeerAuthentication && drop(o, "spec", "portLevelMtls")
	},
	"a DestinationRule is about another host": func(o *unstructured.Unstructured) bool {
		return set(o, "other.nowhere.example", "spec", "host")
	},
	"a DestinationRule loses its TLS": func(o *unstructured.Unstructured) bool { return drop(o, "spec", "trafficPolicy", "tls") },
	"a DestinationRule has another TLS": func(o *unstructured.Unstructured) bool {
		return otherMode(o, "spec", "trafficPolicy", "tls", "mode")
	},
	"a DestinationRule loses its ports": func(o *unstructured.Unstructured) bool {
		return drop(o, "spec", "trafficPolicy", "portLevelSettings")
	},
	"a Gateway is of other pods": func(o *unstructured.Unstructured) bool {
		return o.GetKind() == model.KindGateway && set(o, map[string]any{"app": "nobody"}, "spec", "selector")
	},
	"a Gateway loses a server":           func(o *unstructured.Unstructured) bool { return withoutFirst(o, "spec", "servers") },
	"a Gateway shows other certificates": otherCertificate,
}

// TestIntentNoticesMutants proves that the intent property can fail: of worlds in which it holds, one object of Ready policies is
// broken, and the property notices.
func TestIntentNoticesMutants(t *testing.T) {
	m := mutants{tried: map[string]int{}, caught: map[string]int{}}
	for seed := range uint64(mutatedWorlds) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { m.breakWorld(t, seed) })
	}
	t.Logf("mutants noticed: %v of %v", m.caught, m.tried)
	for name := range mutations {
		if m.tried[name] == 0 || m.caught[name]*10 < m.tried[name]*caughtOf {
			t.Errorf("%s: %d of %d are noticed", name, m.caught[name], m.tried[name])
		}
	}
}

// mutants count, by mutation.
type mutants struct{ tried, caught map[string]int }

// enough reports whether every mutation was tried as often as it shall be.
func (m mutants) enough() bool {
	for name := range mutations {
		if m.tried[name] < mutantsEach {
			return false
		}
	}
	return true
}

// breakWorld tries the mutations of which there are too few yet on the world of a seed.
func (m mutants) breakWorld(t *testing.T, seed uint64) {
	if m.enough() {
		return
	}
	w := aptWorld(t, seed)
	if len(w.violations(t, w.operated.World, &tally{})) > 0 {
		return // TestIntent tells
	}
	for name, mutate := range mutations {
		mutant, found := w.mutant(mutate)
		if !found || m.tried[name] == mutantsEach {
			continue
		}
		m.tried[name]++
		if len(w.violations(t, mutant, &tally{})) > 0 {
			m.caught[name]++
		}
	}
}

// mutant returns the world with the first object of Ready policies broken that can be.
func (w world) mutant(mutate func(*unstructured.Unstructured) bool) (oracle.World, bool) {
	for i, object := range w.operated.World {
		if !slices.Contains(w.operated.Rendered, object) || !w.speaksForReady(object) {
			continue
		}
		broken := object.DeepCopy()
		if mutate(broken) {
			mutant := slices.Clone(w.operated.World)
			mutant[i] = broken
			return mutant, true
		}
	}
	return nil, false
}

// speaksForReady reports whether all policies behind the object are Ready.
func (w world) speaksForReady(object *unstructured.Unstructured) bool {
	for _, owner := range object.GetOwnerReferences() {
		status, _ := w.operated.Status(types.NamespacedName{Namespace: object.GetNamespace(), Name: owner.Name})
		if !apimeta.IsStatusConditionTrue(status.Conditions, meshtlsv1alpha1.ConditionReady) {
			return false
		}
	}
	return true
}

func set(o *unstructured.Unstructured, value any, path ...string) bool {
	if _, found, _ := unstructured.NestedFieldNoCopy(o.Object, path...); !found {
		return false
	}
	return unstructured.SetNestedField(o.Object, value, path...) == nil
}

func drop(o *unstructured.Unstructured, path ...string) bool {
	_, found, _ := unstructured.NestedFieldNoCopy(o.Object, path...)
	unstructured.RemoveNestedField(o.Object, path...)
	if policy, _, _ := unstructured.NestedMap(o.Object, "spec", "trafficPolicy"); len(policy) == 0 {
		unstructured.RemoveNestedField(o.Object, "spec", "trafficPolicy") // Istio takes no empty one
	}
	return found
}

// otherMode turns encryption off, or on where it is off.
func otherMode(o *unstructured.Unstructured, path ...string) bool {
	mode, found, _ := unstructured.NestedString(o.Object, path...)
	if !found {
		return false
	}
	other, on := "DISABLE", map[string]string{model.KindPeerAuthentication: "STRICT", model.KindDestinationRule: "ISTIO_MUTUAL"}
	if mode == other {
		other = on[o.GetKind()]
	}
	if tls := path[:len(path)-1]; tls[len(tls)-1] == "tls" {
		return set(o, map[string]any{"mode": other}, tls...)
	}
	return set(o, other, path...)
}

func withoutFirst(o *unstructured.Unstructured, path ...string) bool {
	list, found, _ := unstructured.NestedSlice(o.Object, path...)
	return found && len(list) > 1 && unstructured.SetNestedSlice(o.Object, list[1:], path...) == nil
}

func otherCertificate(o *unstructured.Unstructured) bool {
	servers, _, _ := unstructured.NestedSlice(o.Object, "spec", "servers")
	for _, server := range servers {
		if tls, _ := server.(map[string]any)["tls"].(map[string]any); tls["credentialName"] != nil {
			tls["credentialName"] = "another"
			return unstructured.SetNestedSlice(o.Object, servers, "spec", "servers") == nil
		}
	}
	return false
}

// TestIntentNoticesBlindnessForRollouts proves that the property speaks of rollouts: where a Ready policy is at a stage that is not
// Strict, what an operator writes that does not see rollouts is noticed.
func TestIntentNoticesBlindnessForRollouts(t *testing.T) {
	tried, noticed := 0, 0
	for seed := uint64(0); seed < mutatedWorlds && tried < mutantsEach; seed++ {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			drawn, blind := rolled(seed), rolled(seed)
			w := settledWorld(t, seed, drawn)
			if !w.rolling() {
				return
			}
			for _, p := range blind.Policies {
				if p.Spec.Accept != nil {
					p.Spec.Accept.Rollout, p.Status.Rollout = nil, nil
				}
			}
			tried++
			if len(w.violations(t, settledWorld(t, seed, blind).operated.World, &tally{})) > 0 {
				noticed++
			}
		})
	}
	t.Logf("blindness for rollouts was noticed in %d of %d worlds", noticed, tried)
	if tried < mutantsEach || noticed*10 < tried*caughtOf {
		t.Errorf("blindness for rollouts was noticed in %d of %d worlds", noticed, tried)
	}
}

// rolled returns a world with rollouts whose policies speak of what is there.
func rolled(seed uint64) worlds.Drawn {
	drawn := worlds.Apt(worlds.Wide(seed))
	worlds.Roll(seed, drawn.Policies)
	return drawn
}

// rolling reports whether a policy is Ready at a stage that is not Strict.
func (w world) rolling() bool {
	return slices.ContainsFunc(w.spoken.Policies, func(p *meshtlsv1alpha1.MeshTLSPolicy) bool {
		stage := p.Status.Rollout
		return stage != nil && stage.Mode != meshtlsv1alpha1.AcceptStrict && w.ready[intent.KeyOf(p).String()] == meshtlsv1alpha1.ReasonReady
	})
}
