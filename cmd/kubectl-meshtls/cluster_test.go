package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/meshtls/meshtls/internal/source"
)

func TestCheckNamespace(t *testing.T) {
	tests := map[string]struct {
		name string
		// forbidden says that the user may not read namespaces.
		forbidden bool
		want      string
	}{
		"all namespaces":                 {},
		"one that is there":              {name: "shop"},
		"one that is not there":          {name: "warehouse", want: "the cluster has no namespace warehouse"},
		"one like another":               {name: "shpo", want: "the cluster has no namespace shpo; did you mean shop?"},
		"one that the user may not read": {name: "shpo", forbidden: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			objects := []client.Object{
				&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}},
			}
			live := fake.NewClientBuilder().WithScheme(source.Scheme()).WithObjects(objects...).WithInterceptorFuncs(interceptor.Funcs{
				Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, into client.Object, options ...client.GetOption) error {
					if tc.forbidden {
						return apierrors.NewForbidden(corev1.Resource("namespaces"), key.Name, nil)
					}
					return c.Get(ctx, key, into, options...)
				},
			}).Build()
			reader, err := source.Load(t.Context(), live, source.LoadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if err := checkNamespace(t.Context(), live, reader, tc.name); err != nil {
				got = err.Error()
			}
			if got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// TestNoCluster tells a configuration that names no cluster from one that names the address that kubectl falls back to.
func TestNoCluster(t *testing.T) {
	configured := filepath.Join(t.TempDir(), "config")
	const local = `{apiVersion: v1, kind: Config, current-context: local, contexts: [{name: local, context: {cluster: local}}],
  clusters: [{name: local, cluster: {server: "http://localhost:8080"}}]}`
	if err := os.WriteFile(configured, []byte(local), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		kubeconfig string
		server     string
		want       error
	}{
		"nothing":             {want: errNoCluster},
		"that address":        {server: lastResort},
		"a kubeconfig":        {kubeconfig: configured},
		"some other address":  {server: "https://cluster.example"},
		"both of the earlier": {kubeconfig: configured, server: "https://cluster.example"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			asked := newInput(genericiooptions.NewTestIOStreamsDiscard())
			asked.kube.KubeConfig, asked.kube.APIServer = &tc.kubeconfig, &tc.server
			if _, err := restConfig(asked.kube); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}

// TestNamespaceThatIsNotThere asks an API server that has namespace shop, and no other kind.
func TestNamespaceThatIsNotThere(t *testing.T) {
	answers := map[string]string{
		"/api":                    `{"kind": "APIVersions", "versions": ["v1"]}`,
		"/apis":                   `{"kind": "APIGroupList", "apiVersion": "v1", "groups": []}`,
		"/api/v1":                 `{"kind": "APIResourceList", "groupVersion": "v1", "resources": [{"name": "namespaces", "kind": "Namespace", "verbs": ["list"]}]}`,
		"/api/v1/namespaces":      `{"kind": "NamespaceList", "apiVersion": "v1", "items": [{"metadata": {"name": "shop"}}]}`,
		"/api/v1/namespaces/shop": `{"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "shop"}}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		answer, known := answers[r.URL.Path]
		if !known {
			w.WriteHeader(http.StatusNotFound)
			answer = `{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}`
		}
		_, _ = w.Write([]byte(answer))
	}))
	defer server.Close()
	for namespace, want := range map[string]int{"shop": exitOK, "shpo": exitFailure} {
		_, stderr, code := call(t, "", "lint", "-n", namespace, "--server", server.URL)
		if code != want || strings.Contains(stderr, "the cluster has no namespace "+namespace+"; did you mean shop?") != (want == exitFailure) {
			t.Errorf("namespace %s: got exit code %d, want %d, and\n%s", namespace, code, want, stderr)
		}
	}
}
