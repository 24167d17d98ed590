package controllers

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/versions"
)

func TestUntestedIsToldOnce(t *testing.T) {
	newer := versions.ControlPlane{Revision: "canary", Version: "1.99.0"}
	newest := versions.ControlPlane{Revision: "canary", Version: "1.99.1"}
	tags := func(version string) []model.RevisionTag {
		return []model.RevisionTag{{Revision: "canary", Version: version}, {Revision: "default", Version: versions.NewestTested + ".0"}}
	}
	var u untested
	for i, step := range []struct {
		version string
		want    []versions.ControlPlane
	}{
		{"1.99.0", []versions.ControlPlane{newer}}, {"1.99.0", nil}, {"1.99.1", []versions.ControlPlane{newest}}, {"1.99.0", nil},
	} {
		if diff := cmp.Diff(step.want, u.unheard(tags(step.version))); diff != "" {
			t.Errorf("step %d (-want +got):\n%s", i, diff)
		}
	}
}
