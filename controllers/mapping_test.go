package controllers

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/model"
)

// readerOf returns a reader with gather's indexes over some objects.
func readerOf(objects ...client.Object) client.Reader {
	builder := fake.NewClientBuilder().WithScheme(NewScheme()).WithObjects(objects...)
	for _, index := range gather.Indexes {
		builder = builder.WithIndex(index.Object, index.Field, index.Extract)
	}
	return builder.Build()
}

func named(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}

func TestMapping(t *testing.T) {
	ours := named("other", "x")
	ours.Labels = map[string]string{meshtlsv1alpha1.LabelManagedBy: meshtlsv1alpha1.ManagedBy}
	tests := map[string]struct {
		kind   string
		object client.Object
		want   []string
	}{
		"a policy, wherever it is":     {model.KindPolicy, &meshtlsv1alpha1.MeshTLSPolicy{ObjectMeta: named("new", "p")}, []string{"new"}},
		"a policy that others read":    {model.KindPolicy, &meshtlsv1alpha1.MeshTLSPolicy{ObjectMeta: named("root", "p")}, []string{"bank", "root", "shop"}},
		"what somebody read":           {model.KindPod, &corev1.Pod{ObjectMeta: named("shop", "a")}, []string{"shop"}},
		"what nobody read":             {model.KindPod, &corev1.Pod{ObjectMeta: named("other", "a")}, nil},
		"what is ours and nobody read": {model.KindPeerAuthentication, &istiosecurityv1.PeerAuthentication{ObjectMeta: ours}, []string{"other"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			d := newDependents()
			for _, namespace := range []string{"shop", "bank"} {
				asking := d.begin(namespace)
				asking.note(gather.Read{Kind: model.KindPolicy, Namespace: "root"})
				asking.note(gather.Read{Kind: model.KindPod, Namespace: namespace})
				asking.done()
			}
			var got []string
			for _, request := range (mapping{dependents: d}).of(tc.kind)(t.Context(), tc.object) {
				got = append(got, request.Name)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("namespaces (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMappingEverything(t *testing.T) {
	m := mapping{cache: readerOf(
		&meshtlsv1alpha1.MeshTLSPolicy{ObjectMeta: named("shop", "a")}, &meshtlsv1alpha1.MeshTLSPolicy{ObjectMeta: named("shop", "b")},
		&meshtlsv1alpha1.MeshTLSPolicy{ObjectMeta: named("bank", "a")}, &corev1.Pod{ObjectMeta: named("other", "a")},
	)}
	var got []string
	for _, request := range m.everything(t.Context(), crdMetadata()) {
		got = append(got, request.Name)
	}
	if want := []string{"bank", "shop"}; !slices.Equal(got, want) {
		t.Errorf("namespaces: got %v, want %v", got, want)
	}
}

func TestDependents(t *testing.T) {
	a, b := gather.Read{Kind: "A"}, gather.Read{Kind: "B"}
	tests := map[string]struct {
		passes     [][]gather.Read
		unfinished []gather.Read
		forgotten  bool
		wantA      bool
		wantB      bool
	}{
		"nobody yet":                             {},
		"what a pass read":                       {passes: [][]gather.Read{{a}}, wantA: true},
		"what only an older pass read":           {passes: [][]gather.Read{{a}, {b}}, wantB: true},
		"what both read":                         {passes: [][]gather.Read{{a, b}, {a}}, wantA: true},
		"what a pass is only just reading":       {passes: [][]gather.Read{{a}}, unfinished: []gather.Read{b}, wantA: true, wantB: true},
		"what a namespace read that has left":    {passes: [][]gather.Read{{a, b}}, forgotten: true},
		"what it read before it left unfinished": {passes: [][]gather.Read{{a}}, unfinished: []gather.Read{b}, forgotten: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			d := newDependents()
			for _, pass := range tc.passes {
				asking := d.begin("shop")
				for _, read := range pass {
					asking.note(read)
				}
				asking.done()
			}
			asking := d.begin("shop")
			for _, read := range tc.unfinished {
				asking.note(read)
			}
			if tc.forgotten {
				d.forget("shop")
			}
			if got := len(d.on([]gather.Read{a})) > 0; got != tc.wantA {
				t.Errorf("on A: got %v, want %v", got, tc.wantA)
			}
			if got := len(d.on([]gather.Read{b})) > 0; got != tc.wantB {
				t.Errorf("on B: got %v, want %v", got, tc.wantB)
			}
			if tc.forgotten && (len(d.of) > 0 || len(d.made) > 0) {
				t.Errorf("what is remembered of nobody: %v, %v", d.of, d.made)
			}
		})
	}
}

// TestReadOfSeveral has several namespaces make the same read: when one of them stops, the others keep it, whichever made it first.
func TestReadOfSeveral(t *testing.T) {
	read := gather.Read{Kind: model.KindService}
	d := newDependents()
	for _, namespace := range []string{"bank", "shop", "web"} {
		asking := d.begin(namespace)
		asking.note(read)
		asking.done()
	}
	for _, step := range []struct {
		leaves string
		want   []string
	}{
		{"nobody", []string{"bank", "shop", "web"}},
		{"bank", []string{"shop", "web"}},
		{"web", []string{"shop"}},
		{"shop", []string{}},
	} {
		d.forget(step.leaves)
		if diff := cmp.Diff(step.want, d.on([]gather.Read{read})); diff != "" {
			t.Errorf("after %s (-want +got):\n%s", step.leaves, diff)
		}
	}
	if len(d.of) > 0 || len(d.made) > 0 {
		t.Errorf("what is remembered of nobody: %v, %v", d.of, d.made)
	}
}

// TestEveryReadHasADoor: a kind that a snapshot reads is one whose changes are heard of.
func TestEveryReadHasADoor(t *testing.T) {
	heard := map[string]bool{}
	for _, door := range slices.Concat(alwaysThere, comingAndGoing()) {
		heard[door.kind] = true
	}
	for _, kind := range gather.Kinds() {
		if !heard[kind] {
			t.Errorf("nobody hears of changes of kind %s", kind)
		}
	}
}
