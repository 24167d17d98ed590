package ui

import (
	"fmt"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// apply makes a change in the cluster. The request repeats the change, not a document: nothing but a policy's accept can be written.
// If-Match is the resource version of the policy that the preview started from; a new policy has none.
func (s *Server) apply(w http.ResponseWriter, r *http.Request) {
	if s.applier == nil {
		refuse(w, http.StatusForbidden,
			"Nothing is applied from here. Run kubectl meshtls ui with --allow-apply, or apply the document yourself.")
		return
	}
	change, is := asked(w, r)
	if !is {
		return
	}
	preview, err := s.previewed(w, r, change)
	if err != nil {
		return
	}
	switch {
	case preview.ManagedBy != "":
		refuse(w, http.StatusForbidden, fmt.Sprintf(
			"%s would undo the change: make it where that takes the policy from.", preview.ManagedBy))
	case r.Header.Get("If-Match") != preview.ResourceVersion:
		refuse(w, http.StatusConflict, "The policy has changed since the preview. Look at the preview again, which shows it as it is now.")
	default:
		s.written(w, preview.Name, s.applier.Apply(r.Context(), preview.Policy))
	}
}

// written answers how the writing of the policy went.
func (s *Server) written(w http.ResponseWriter, name string, err error) {
	s.hub.ask()
	switch {
	case err == nil:
		answer(w, map[string]string{"applied": name})
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err):
		refuse(w, http.StatusConflict, "The policy has changed in the cluster. Look at the preview again, which shows it as it is now.")
	case apierrors.IsForbidden(err):
		refuse(w, http.StatusForbidden, err.Error())
	default:
		refuse(w, http.StatusUnprocessableEntity, err.Error())
	}
}
