package controllers

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/internal/gather"
)

// credentialPatience is how long the start waits for the credentials of a namespace. A namespace that is gone, or a right that was
// taken away, does not keep the operator from starting: until it can be read nothing is known of it, and nothing is said.
const credentialPatience = 10 * time.Second

// credentialSubjects returns the Secrets and ConfigMaps of each namespace whose credentials the operator is told to check.
func credentialSubjects(namespaces []string) []subject {
	var subjects []subject
	for _, namespace := range namespaces {
		subjects = append(subjects, subject{
			name: namespace, request: namespace, namespaces: []string{namespace},
			objects:  []client.Object{&corev1.Secret{}, &corev1.ConfigMap{}},
			selected: map[client.Object]cache.ByObject{&corev1.Secret{}: {Field: gather.CredentialSelector()}},
		})
	}
	return subjects
}

// withCredentials returns the view with the credentials that can be read now, and the namespaces of these.
func withCredentials(cluster view, open map[string]*session) (credentialView, sets.Set[string]) {
	over := credentialView{view: cluster, open: map[string]client.Reader{}}
	for namespace, s := range open {
		over.open[namespace] = s.caches[namespace]
	}
	return over, sets.KeySet(over.open)
}

// credentialView gets Secrets and ConfigMaps of the namespaces that are open from their caches.
type credentialView struct {
	view
	open map[string]client.Reader
}

// Get reads an object from the cache of its kind, or of its namespace's credentials.
func (v credentialView) Get(ctx context.Context, key client.ObjectKey, obj client.Object, options ...client.GetOption) error {
	switch obj.(type) {
	case *corev1.Secret, *corev1.ConfigMap:
		if credentials, open := v.open[key.Namespace]; open {
			return credentials.Get(ctx, key, obj, options...)
		}
	}
	return v.view.Get(ctx, key, obj, options...)
}
