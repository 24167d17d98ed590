package versions_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/versions"
)

func TestControlPlanes(t *testing.T) {
	got := versions.ControlPlanes([]model.RevisionTag{
		{Revision: "default", Version: "1.31.2"},
		{Revision: "canary", Version: "1.32.0"},
		{Revision: "canary", Version: "1.31.0"},
		{Revision: "canary", Tag: "prod", Version: "1.99.0"},
		{Revision: "silent"},
	})
	want := []versions.ControlPlane{
		{Revision: "canary", Version: "1.32.0"}, {Revision: "default", Version: "1.31.2"}, {Revision: "silent"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("control planes (-want +got):\n%s", diff)
	}
}

func TestStanding(t *testing.T) {
	tests := map[string]struct {
		version string
		want    versions.Standing
	}{
		"tested":         {"1.31.4", versions.Tested},
		"with a v":       {"v1.31.0", versions.Tested},
		"older":          {"1.24.2", versions.Older},
		"newer":          {"1.32.0", versions.Newer},
		"a build":        {"1.32-alpha.8f3a", versions.Newer},
		"two digits":     {"1.4.10", versions.Older},
		"no version":     {"latest", versions.Unknown},
		"nothing at all": {"", versions.Unknown},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			plane := versions.ControlPlane{Revision: "default", Version: tc.version}
			if got := plane.Standing(); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
			if silent := plane.Advice() == ""; silent != (tc.want == versions.Tested) {
				t.Errorf("got advice %q", plane.Advice())
			}
		})
	}
}

func TestOfPod(t *testing.T) {
	tests := map[string]struct {
		labels map[string]string
		image  string
		want   string
	}{
		"by its label":              {labels: map[string]string{versions.LabelVersion: "1.31.2"}, image: "istio/pilot:1.30.0", want: "1.31.2"},
		"by its image":              {image: "registry.example.com:5000/istio/pilot:1.30.0-distroless", want: "1.30.0-distroless"},
		"by its image, with digest": {image: "istio/pilot:1.30.0@sha256:0a", want: "1.30.0"},
		"a label that is no version": {
			labels: map[string]string{versions.LabelVersion: "stable"}, image: "istio/pilot:1.30.0", want: "1.30.0",
		},
		"an image without a tag":   {image: "registry.example.com:5000/istio/pilot"},
		"a tag that is no version": {image: "istio/pilot:latest"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := versions.OfPod(tc.labels, tc.image); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
