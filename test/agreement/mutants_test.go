package agreement

import (
	"slices"
	"testing"

	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	securityapi "istio.io/api/security/v1beta1"

	"github.com/meshtls/meshtls/internal/model"
)

const (
	// mutatedWorlds are the random worlds that are broken, and leastNoticed is in how many it must be noticed. Not every world has what can
	// be broken.
	mutatedWorlds, leastNoticed = 24, 4
)

// TestDisagreementIsNoticed breaks one part of the product on purpose, in random worlds that agree, and wants the law to notice.
func TestDisagreementIsNoticed(t *testing.T) {
	untold := func(w World) []string { return w.Untold(map[string]int{}) }
	broken := func(w World) []string { return w.Broken(map[Kind]int{}) }
	tests := map[string]struct {
		change func(*World) error
		law    func(World) []string
	}{
		"lint says nothing": {
			change: func(w *World) error { w.findings = nil; return nil }, law: untold,
		},
		"explain sees PeerAuthentications of ours the other way round": {
			change: inMesh(func(i *model.Inventory) { i.PeerAuthentications = turned(i.PeerAuthentications) }), law: broken,
		},
		"explain does not see DestinationRules of ours": {
			change: inMesh(func(i *model.Inventory) { i.DestinationRules = theirs(i.DestinationRules) }), law: broken,
		},
		"explain sees no Gateways of ours": {
			change: inMesh(func(i *model.Inventory) { i.Gateways = theirs(i.Gateways) }), law: broken,
		},
		"the operator does not see an older PeerAuthentication for the same pods": {
			change: inMesh(func(i *model.Inventory) {
				i.PeerAuthentications = append(i.PeerAuthentications, older(i.PeerAuthentications)...)
			}),
			law: World.Accused,
		},
		"lint sees a mesh without Services": {
			change: inMesh(func(i *model.Inventory) { i.Services = nil }), law: World.Contradicted,
		},
		"lint finds nothing in policies": {
			change: func(w *World) error { w.Review.Results = unfound(w.Review.Results); return nil }, law: World.Contradicted,
		},
	}
	worlds := readRandom(t)
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			noticed := 0
			for _, w := range worlds {
				if err := tc.change(&w); err != nil {
					t.Fatal(err)
				}
				if len(tc.law(w)) > 0 {
					noticed++
				}
			}
			if noticed < leastNoticed {
				t.Errorf("noticed in %d of %d worlds, want %d", noticed, mutatedWorlds, leastNoticed)
			}
		})
	}
}

// readRandom returns the random worlds that are broken.
func readRandom(t *testing.T) []World {
	t.Helper()
	var all []World
	for seed := range uint64(mutatedWorlds) {
		stream, err := Random(t.Context(), seed)
		if err != nil {
			t.Fatal(err)
		}
		w, err := Read(t.Context(), stream)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, w)
	}
	return all
}

// unfound returns the results without findings.
func unfound(results []model.Result) []model.Result {
	without := make([]model.Result, len(results))
	for i, r := range results {
		without[i] = r
		without[i].Policies = slices.Clone(r.Policies)
		for j := range without[i].Policies {
			without[i].Policies[j].Findings = nil
		}
	}
	return without
}

// inMesh changes the mesh, once the operator has looked at it, and asks lint and explain again.
func inMesh(change func(*model.Inventory)) func(*World) error {
	return func(w *World) (err error) {
		*w, err = w.Changed(change)
		return err
	}
}

// theirs returns the objects that the operator does not write.
func theirs[T metav1.Object](objects []T) []T {
	var others []T
	for _, o := range objects {
		if !model.Ours(o) {
			others = append(others, o)
		}
	}
	return others
}

// turned returns the objects with the opposite mode in ours.
func turned(objects []*istiosecurityv1.PeerAuthentication) []*istiosecurityv1.PeerAuthentication {
	var all []*istiosecurityv1.PeerAuthentication
	for _, pa := range objects {
		if model.Ours(pa) {
			pa = pa.DeepCopy()
			mode := securityapi.PeerAuthentication_MutualTLS_DISABLE
			if pa.Spec.GetMtls().GetMode() == mode {
				mode = securityapi.PeerAuthentication_MutualTLS_STRICT
			}
			pa.Spec.Mtls = &securityapi.PeerAuthentication_MutualTLS{Mode: mode}
		}
		all = append(all, pa)
	}
	return all
}

// older returns somebody's PeerAuthentication for the pods of each that is ours, with the opposite mode.
func older(objects []*istiosecurityv1.PeerAuthentication) []*istiosecurityv1.PeerAuthentication {
	var all []*istiosecurityv1.PeerAuthentication
	for _, pa := range turned(objects) {
		if model.Ours(pa) {
			pa.Name, pa.Labels, pa.OwnerReferences = "theirs-"+pa.Name, nil, nil
			pa.CreationTimestamp = metav1.Unix(1, 0)
			all = append(all, pa)
		}
	}
	return all
}
