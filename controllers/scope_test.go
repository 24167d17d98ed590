package controllers

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/meshtls/meshtls/internal/verbatim"

	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
)

func TestScope(t *testing.T) {
	some := Options{IstioNamespace: "istio-system", WatchNamespaces: []string{"shop", "bank"}}
	rooted := some
	rooted.RootNamespace = "root"
	tests := map[string]struct {
		options Options
		root    string
		// wantGoverned and wantSeen are of shop, istio-system, root and other; wantUnseen are words of the sentence.
		wantGoverned, wantSeen []string
		wantParts              []string
		wantUnseen             []string
	}{
		"all namespaces": {
			options: Options{IstioNamespace: "istio-system"}, root: "istio-system",
			wantGoverned: []string{"shop", "istio-system", "root", "other"}, wantSeen: []string{"shop", "istio-system", "root", "other"},
			wantParts: []string{""},
		},
		"some, and Istio's is read": {
			options: some, root: "istio-system",
			wantGoverned: []string{"shop"}, wantSeen: []string{"shop", "istio-system"},
			wantParts: []string{"bank", "istio-system", "shop"}, wantUnseen: []string{"only the namespaces bank, istio-system, shop,"},
		},
		"some, and the root namespace is read": {
			options: rooted, root: "root",
			wantGoverned: []string{"shop"}, wantSeen: []string{"shop", "istio-system", "root"},
			wantParts: []string{"bank", "istio-system", "root", "shop"}, wantUnseen: []string{"only the namespaces bank, istio-system, root, shop,"},
		},
		"some, and the root namespace is another": {
			options: some, root: "root",
			wantGoverned: []string{"shop"}, wantSeen: []string{"shop", "istio-system"},
			wantParts:  []string{"bank", "istio-system", "shop"},
			wantUnseen: []string{"only the namespaces bank", "root namespace root is not among them"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s := tc.options.scope()
			var governed, seen []string
			for _, namespace := range []string{"shop", "istio-system", "root", "other"} {
				if s.governs(namespace) {
					governed = append(governed, namespace)
				}
				if s.sees(namespace) {
					seen = append(seen, namespace)
				}
			}
			if diff := cmp.Diff([][]string{tc.wantGoverned, tc.wantSeen, tc.wantParts}, [][]string{governed, seen, s.parts()}); diff != "" {
				t.Errorf("governed, seen and parts (-want +got):\n%s", diff)
			}
			unseen := s.unseen(tc.root)
			for _, words := range tc.wantUnseen {
				if !strings.Contains(unseen, words) {
					t.Errorf("%q does not say %q", unseen, words)
				}
			}
			if (unseen == "") != (tc.wantUnseen == nil) {
				t.Errorf("got %q", unseen)
			}
		})
	}
}

func TestCaches(t *testing.T) {
	if got := caches(""); got != nil {
		t.Errorf("all namespaces: got %v, want no restriction", got)
	}
	if diff := cmp.Diff([]string{"bank", "shop"}, slices.Sorted(maps.Keys(caches("shop", "bank")))); diff != "" {
		t.Errorf("some namespaces (-want +got):\n%s", diff)
	}
}

func TestScopedReader(t *testing.T) {
	everything := readerOf(&corev1.Service{ObjectMeta: named("shop", "a")}, &corev1.Service{ObjectMeta: named("other", "a")})
	r := scopedReader{Reader: everything, scope: Options{IstioNamespace: "istio-system", WatchNamespaces: []string{"shop"}}.scope()}
	for namespace, seen := range map[string]bool{"shop": true, "other": false} {
		err := r.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "a"}, &corev1.Service{})
		if seen && err != nil || !seen && !apierrors.IsNotFound(err) {
			t.Errorf("getting from %s: %v, want it found: %v", namespace, err, seen)
		}
		var list corev1.ServiceList
		if err := r.List(t.Context(), &list, client.InNamespace(namespace)); err != nil || (len(list.Items) > 0) != seen {
			t.Errorf("listing %s: %d found, %v, want some: %v", namespace, len(list.Items), err, seen)
		}
	}
}

func TestParts(t *testing.T) {
	with := func(namespace string) client.Client {
		return fake.NewClientBuilder().WithScheme(NewScheme()).
			WithObjects(verbatim.Of(&istiosecurityv1.PeerAuthentication{ObjectMeta: named(namespace, "pa")})).Build()
	}
	count := func(t *testing.T, p parts, options ...client.ListOption) int {
		t.Helper()
		var list verbatim.PeerAuthenticationList
		if err := p.List(t.Context(), &list, options...); err != nil {
			t.Fatal(err)
		}
		return len(list.Items)
	}
	p := parts{"shop": with("shop"), "bank": with("bank")}
	if all, one := count(t, p), count(t, p, client.InNamespace("bank")); all != 2 || one != 1 {
		t.Errorf("listed %d in all and %d in bank, want 2 and 1", all, one)
	}
	var found verbatim.PeerAuthentication
	if err := p.Get(t.Context(), client.ObjectKey{Namespace: "bank", Name: "pa"}, &found); err != nil {
		t.Error(err)
	}
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"labels":{"a":"b"}}}`))
	if err := p.Patch(t.Context(), &found, patch); err != nil || found.Labels["a"] != "b" {
		t.Errorf("patched to %v, %v", found.Labels, err)
	}
	if err := p.Delete(t.Context(), &found); err != nil || count(t, p) != 1 {
		t.Errorf("deleted: %v, %d left, want 1", err, count(t, p))
	}
	whole := parts{"": with("shop")}
	if count(t, whole) != 1 || count(t, whole, client.InNamespace("shop")) != 1 {
		t.Error("a client for all namespaces does not find what is there")
	}
}
