package versions_test

import (
	"testing"

	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/versions"
)

func TestHoldsIn(t *testing.T) {
	rule := versions.Rule{Since: "1.26"}
	for version, want := range map[string]bool{
		"1.25.12": false, "1.4.0": false, "1.26.0": true, "1.26-alpha.1a2b": true, "1.32.0": true, "": true, "latest": true,
	} {
		if got := rule.HoldsIn(version); got != want {
			t.Errorf("in %q: got %t, want %t", version, got, want)
		}
	}
	if (versions.Rule{Since: "1.99"}).HoldsIn("") {
		t.Error("a version that is not known is taken for newer than what is tested")
	}
}

func TestOfRevision(t *testing.T) {
	tags := []model.RevisionTag{
		{Revision: "default", Version: "1.30.2"}, {Revision: "canary", Version: "1.31.0"}, {Revision: "canary", Tag: "prod", Version: "1.99.0"},
	}
	for revision, want := range map[string]string{"": "1.30.2", "default": "1.30.2", "canary": "1.31.0", "prod": "", "other": ""} {
		if got := versions.OfRevision(tags, revision); got != want {
			t.Errorf("revision %q: got %q, want %q", revision, got, want)
		}
	}
}
