package controllers

import (
	"context"
	"sync"

	"k8s.io/apimachinery/pkg/util/sets"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/versions"
)

// untested holds the untested control planes that the log has named: each is named once, and not for each policy.
type untested struct {
	mu   sync.Mutex
	told sets.Set[versions.ControlPlane]
}

// tell says in the log which control planes of the mesh were not tested, once for each version of each.
func (u *untested) tell(ctx context.Context, tags []model.RevisionTag) {
	for _, plane := range u.unheard(tags) {
		ctrl.LoggerFrom(ctx).Info("istio was not tested", "revision", plane.Revision, "version", plane.Version, "advice", plane.Advice())
	}
}

// unheard returns the control planes that there is something to say of and that nothing was said of yet.
func (u *untested) unheard(tags []model.RevisionTag) []versions.ControlPlane {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.told == nil {
		u.told = sets.New[versions.ControlPlane]()
	}
	var unheard []versions.ControlPlane
	for _, plane := range versions.ControlPlanes(tags) {
		if plane.Advice() != "" && !u.told.Has(plane) {
			unheard = append(unheard, plane)
			u.told.Insert(plane)
		}
	}
	return unheard
}
