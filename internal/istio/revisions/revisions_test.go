package revisions_test

import (
	"testing"

	"github.com/meshtls/meshtls/internal/istio/revisions"
	"github.com/meshtls/meshtls/internal/model"
)

func tag(kind, name, tag, revision string) model.RevisionTag {
	return model.RevisionTag{Object: model.ObjectRef{Kind: kind, Name: name}, Tag: tag, Revision: revision}
}

func TestOf(t *testing.T) {
	const webhook, service, validator = model.KindMutatingWebhook, model.KindService, model.KindValidatingWebhook
	tests := map[string]struct {
		tags    []model.RevisionTag
		name    string
		want    string
		wantTag bool
	}{
		"a revision that is not known":            {name: "1-30", want: "1-30"},
		"no name is the default revision":         {name: "", want: ""},
		"the default revision by its name":        {name: "default", want: ""},
		"a revision that is known":                {tags: []model.RevisionTag{tag(webhook, "i", "", "1-30")}, name: "1-30", want: "1-30"},
		"a tag":                                   {tags: []model.RevisionTag{tag(webhook, "i", "stable", "1-30")}, name: "stable", want: "1-30", wantTag: true},
		"a tag of the name of a revision":         {tags: []model.RevisionTag{tag(webhook, "i", "", "a"), tag(webhook, "j", "a", "b")}, name: "a", want: "a"},
		"a Service goes before a webhook":         {tags: []model.RevisionTag{tag(webhook, "i", "stable", "a"), tag(service, "s", "stable", "b")}, name: "stable", want: "b", wantTag: true},
		"no name is what the default tag is of":   {tags: []model.RevisionTag{tag(webhook, "i", "default", "1-30")}, name: "", want: "1-30"},
		"the default tag of the revision default": {tags: []model.RevisionTag{tag(webhook, "i", "default", "default")}, name: "default", want: ""},
		"the name of the default tag":             {tags: []model.RevisionTag{tag(webhook, "i", "default", "1-30")}, name: "default", want: "1-30", wantTag: true},
		"the webhook of the default validator":    {tags: []model.RevisionTag{tag(validator, "v", "default", "1-30")}, name: "", want: "1-30"},
		"the default tag goes before it":          {tags: []model.RevisionTag{tag(validator, "v", "default", "a"), tag(webhook, "i", "default", "b")}, name: "", want: "b"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			r := revisions.New(tc.tags)
			if got := r.Of(tc.name); got != tc.want {
				t.Errorf("revision: got %q, want %q", got, tc.want)
			}
			if _, got := r.Tag(tc.name); got != tc.wantTag {
				t.Errorf("it is a tag: got %v, want %v", got, tc.wantTag)
			}
		})
	}
}

func TestOfPods(t *testing.T) {
	r := revisions.New([]model.RevisionTag{tag(model.KindMutatingWebhook, "i", "stable", "1-30")})
	labels := func(key, value string) map[string]string { return map[string]string{key: value} }
	tests := map[string]struct {
		workload  model.Workload
		namespace map[string]string
		want      string
	}{
		"nothing is said":                        {},
		"by the injector's mark":                 {workload: model.Workload{Revision: "1-31", Labels: labels("istio.io/rev", "stable")}, want: "1-31"},
		"by their label":                         {workload: model.Workload{Labels: labels("istio.io/rev", "stable")}, want: "1-30"},
		"by their namespace's label":             {namespace: labels("istio.io/rev", "stable"), want: "1-30"},
		"their label goes before":                {workload: model.Workload{Labels: labels("istio.io/rev", "a")}, namespace: labels("istio.io/rev", "stable"), want: "a"},
		"istio-injection is the default's":       {namespace: map[string]string{"istio-injection": "enabled", "istio.io/rev": "stable"}},
		"the mark of the default one is no name": {workload: model.Workload{Revision: "default"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := r.OfPods(&tc.workload, tc.namespace); got != tc.want {
				t.Errorf("revision: got %q, want %q", got, tc.want)
			}
		})
	}
}
