package source_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/meshtls/meshtls/internal/source"
)

// cluster answers lists as an API server does that knows no kinds of missing, and lets nobody list forbidden kinds but in allowed.
// The real one is met in test/suite.
type cluster struct {
	client.Client
	missing, forbidden sets.Set[string]
	allowed            string
	listed             []string
}

func newCluster(objects ...client.Object) *cluster {
	return &cluster{Client: fake.NewClientBuilder().WithScheme(source.Scheme()).WithObjects(objects...).Build()}
}

// List answers by pages of one object: of the names after the one in the continue token.
func (c *cluster) List(ctx context.Context, into client.ObjectList, options ...client.ListOption) error {
	gvk, err := c.GroupVersionKindFor(into)
	if err != nil {
		return err
	}
	kind := gvk.Kind[:len(gvk.Kind)-len("List")]
	asked := (&client.ListOptions{}).ApplyOptions(options)
	c.listed = append(c.listed, kind)
	switch {
	case c.missing.Has(kind):
		return &apimeta.NoKindMatchError{GroupKind: gvk.GroupKind()}
	case c.forbidden.Has(kind) && (c.allowed == "" || asked.Namespace != c.allowed):
		return apierrors.NewForbidden(schema.GroupResource{Resource: kind}, "", errors.New("no"))
	}
	if err := c.Client.List(ctx, into, client.InNamespace(asked.Namespace)); err != nil {
		return err
	}
	return c.page(into, asked.Continue)
}

func (c *cluster) page(into client.ObjectList, after string) error {
	all, err := apimeta.ExtractList(into)
	if err != nil {
		return err
	}
	name := func(o runtime.Object) string { return o.(client.Object).GetName() }
	rest := slices.DeleteFunc(all, func(o runtime.Object) bool { return name(o) <= after })
	into.SetContinue("")
	if len(rest) > 1 {
		rest = rest[:1]
		into.SetContinue(name(rest[0]))
	}
	return apimeta.SetList(into, rest)
}

func object[T client.Object](o T, namespace, name string) T {
	o.SetNamespace(namespace)
	o.SetName(name)
	return o
}

func TestLoad(t *testing.T) {
	live := newCluster(
		object(&corev1.Service{}, "bank", "a"), object(&corev1.Service{}, "shop", "b"), object(&corev1.Service{}, "shop", "c"),
		object(&corev1.ConfigMap{}, "istio-system", "istio"), object(&corev1.ConfigMap{}, "shop", "large"),
		object(&corev1.Secret{}, "shop", "secret"),
	)
	live.missing = sets.New("MeshTLSPolicy", "VirtualService")
	reader, err := source.Load(t.Context(), live, source.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, names(t, reader, &corev1.ServiceList{})); diff != "" {
		t.Errorf("services, of several pages (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"istio"}, names(t, reader, &corev1.ConfigMapList{})); diff != "" {
		t.Errorf("config maps (-want +got):\n%s", diff)
	}
	if asked := slices.DeleteFunc(slices.Clone(live.listed), func(kind string) bool { return kind != "Service" }); len(asked) != 3 {
		t.Errorf("Services were asked for %d times, want 3: there are so many pages", len(asked))
	}
	if slices.Contains(live.listed, "Secret") || slices.Contains(live.listed, "Deployment") {
		t.Errorf("listed %v, want no Secrets where nobody looks at them, and no controllers beside their pods", live.listed)
	}
	if !reader.Missing().Equal(live.missing) {
		t.Errorf("missing: got %v, want %v", reader.Missing(), live.missing)
	}
	if diff := cmp.Diff([]string(nil), names(t, reader, &istionetworkingv1.VirtualServiceList{})); diff != "" {
		t.Errorf("a kind that the cluster does not know (-want +got):\n%s", diff)
	}
}

func TestLoadOfSomeKinds(t *testing.T) {
	live := newCluster(object(&corev1.Service{}, "shop", "a"))
	if _, err := source.Load(t.Context(), live, source.LoadOptions{Kinds: sets.New("Service")}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Service"}, live.listed); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
}

func TestLoadOfWhatIsForbidden(t *testing.T) {
	tests := map[string]struct {
		allowed         string
		wantForbidden   map[string]sets.Set[string]
		wantCredentials sets.Set[string]
		wantSecrets     []string
	}{
		"everywhere": {
			wantForbidden: map[string]sets.Set[string]{"Secret": {}}, wantCredentials: sets.New[string](),
		},
		"everywhere but in one namespace": {
			allowed:       "shop",
			wantForbidden: map[string]sets.Set[string]{"Secret": sets.New("shop")}, wantCredentials: sets.New("shop"), wantSecrets: []string{"a"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			live := newCluster(object(&corev1.Secret{}, "shop", "a"), object(&corev1.Secret{}, "bank", "b"))
			live.forbidden, live.allowed = sets.New("Secret"), tc.allowed
			reader, err := source.Load(t.Context(), live, source.LoadOptions{Credentials: true, Namespaces: []string{"shop"}})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.wantForbidden, reader.Forbidden()); diff != "" {
				t.Errorf("forbidden (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.wantCredentials, reader.CredentialNamespaces()); diff != "" {
				t.Errorf("namespaces whose credentials are known (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.wantSecrets, names(t, reader, &corev1.SecretList{})); diff != "" {
				t.Errorf("secrets (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCredentialNamespacesOfManifests(t *testing.T) {
	reader := mustRead(t, `{apiVersion: v1, kind: Secret, metadata: {name: a, namespace: shop}, stringData: {tls.crt: a}}
---
{apiVersion: v1, kind: Secret, metadata: {name: a, namespace: bank}, stringData: {password: a}}
---
{apiVersion: v1, kind: Secret, metadata: {name: a, namespace: edge}, type: kubernetes.io/tls, data: {}}
`)
	if diff := cmp.Diff(sets.New("shop", "edge"), reader.CredentialNamespaces()); diff != "" {
		t.Errorf("namespaces (-want +got):\n%s", diff)
	}
}

func TestLoadTellsErrors(t *testing.T) {
	if _, err := source.Load(t.Context(), failing{}, source.LoadOptions{}); !errors.Is(err, errDown) {
		t.Errorf("got %v, want %v", err, errDown)
	}
}

var errDown = errors.New("the API server is down")

type failing struct{ client.Reader }

func (failing) List(context.Context, client.ObjectList, ...client.ListOption) error { return errDown }
