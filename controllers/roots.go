package controllers

import (
	"sync"

	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/model"
)

// roots remembers which namespaces look to which root namespace, as of their last pass: with several revisions of Istio there
// may be several. A namespace that has not had a pass yet is not in it and needs not be: its first pass reads the root's
// policies as they are then.
type roots struct {
	mu sync.Mutex
	// of is each namespace's root, dependents each root's namespaces.
	of         map[string]string
	dependents map[string]sets.Set[string]
}

func newRoots() *roots {
	return &roots{of: map[string]string{}, dependents: map[string]sets.Set[string]{}}
}

// note takes in the snapshot of a pass.
func (r *roots) note(s model.Snapshot) {
	root := s.Mesh.RootNamespace
	if len(s.Policies) == 0 {
		root = ""
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.of[s.Namespace]
	if before == root {
		return
	}
	if before != "" {
		r.dependents[before].Delete(s.Namespace)
	}
	if root == "" {
		delete(r.of, s.Namespace)
		return
	}
	if r.dependents[root] == nil {
		r.dependents[root] = sets.New[string]()
	}
	r.of[s.Namespace] = root
	r.dependents[root].Insert(s.Namespace)
}

// namespacesUnder are the namespaces that look to the root.
func (r *roots) namespacesUnder(root string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return sets.List(r.dependents[root])
}
