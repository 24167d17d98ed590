package revisions

import (
	"slices"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// Default is the name of the control plane revision that has none.
const Default = "default"

// Revisions are those that are known, with the tags that stand for them.
type Revisions struct {
	known map[string]bool
	// tags are the revisions by tag, and said the objects that say so.
	tags map[string]string
	said map[string]model.ObjectRef
}

// New reads the tags. A Service goes before a webhook configuration, and both before the webhook that validates for the default revision.
// Source: istio pkg/revisions/tag_watcher.go, GetMyTags and IsMine.
func New(tags []model.RevisionTag) Revisions {
	r := Revisions{known: map[string]bool{}, tags: map[string]string{}, said: map[string]model.ObjectRef{}}
	for _, kind := range []string{model.KindService, model.KindMutatingWebhook, model.KindValidatingWebhook} {
		for _, t := range tags {
			if t.Object.Kind != kind {
				continue
			}
			r.known[t.Revision] = true
			if _, taken := r.tags[t.Tag]; t.Tag != "" && !taken {
				r.tags[t.Tag], r.said[t.Tag] = t.Revision, t.Object
			}
		}
	}
	return r
}

// Of returns the revision that a name means: that which it is a tag of, or itself. The name of the default revision, and none, is that of
// the tag "default" where there is one, else the empty one.
func (r Revisions) Of(name string) string {
	if name == "" {
		name = Default
	}
	revision := name
	if tagged, isTag := r.tags[name]; isTag && !r.known[name] {
		revision = tagged
	}
	if revision == Default {
		return ""
	}
	return revision
}

// Label returns the label by which an object is read that somebody labels with the name: of a tag its revision. No name stays none: such
// an object is read by every control plane.
func (r Revisions) Label(name string) string {
	if _, isTag := r.Tag(name); isTag {
		return r.tags[name]
	}
	return name
}

// Tag reports whether the name is that of a tag and not of a revision, with the object that says so. An object that is labelled with a tag
// is read by no control plane.
// Source: istio pkg/config/model.go, LabelsInRevision; pilot/pkg/config/kube/crdclient/client.go, inRevision.
func (r Revisions) Tag(name string) (said model.ObjectRef, isTag bool) {
	if r.known[name] {
		return model.ObjectRef{}, false
	}
	said, isTag = r.said[name]
	return said, isTag
}

// Known returns the names of the revisions that are known, in order.
func (r Revisions) Known() []string {
	var all []string
	for name := range r.known {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// OfNamespace returns the revision whose injector serves a namespace with the labels; false: none does.
// Source: istio manifests/charts/istio-control/istio-discovery/templates/mutatingwebhook.yaml.
func (r Revisions) OfNamespace(labels map[string]string) (revision string, served bool) {
	if injection, said := labels[model.LabelInjection]; said {
		return r.Of(Default), injection == "enabled"
	}
	name, said := labels[meshtlsv1alpha1.LabelRevision]
	return r.Of(name), said
}

// OfPods returns the revision that serves the pods of a namespace with the labels: the one whose injector marked them, else the one that
// they or their namespace ask for, else the default one.
func (r Revisions) OfPods(w *model.Workload, namespace map[string]string) string {
	if w.Revision != "" {
		return r.Of(w.Revision)
	}
	if name, said := w.Labels[meshtlsv1alpha1.LabelRevision]; said {
		return r.Of(name)
	}
	revision, _ := r.OfNamespace(namespace)
	return revision
}
