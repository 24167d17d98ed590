package gather

import (
	"context"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/versions"
)

// defaultValidator is the webhook that validates Istio's objects; its label names the default revision.
// Source: istio pkg/revisions/tag_watcher.go, NewTagWatcher.
const defaultValidator = "istiod-default-validator"

// readTags reads what tells of the control plane's revisions: the webhooks of injectors and of tags, and the Services of tags.
func (g *gathering) readTags(ctx context.Context) error {
	var webhooks admissionregistrationv1.MutatingWebhookConfigurationList
	injectors := Read{Kind: model.KindMutatingWebhook, Field: IndexInjector, Value: isTrue}
	if err := g.list(ctx, injectors, &webhooks, client.MatchingFields{IndexInjector: isTrue}); err != nil {
		return err
	}
	for _, w := range byName(pointers(webhooks.Items)) {
		g.tags = append(g.tags, tagOf(model.KindMutatingWebhook, w))
	}
	var services corev1.ServiceList
	ofTags := Read{Kind: model.KindService, Namespace: g.options.IstioNamespace, Field: IndexServiceTag, Value: isTrue}
	err := g.list(ctx, ofTags, &services, client.InNamespace(g.options.IstioNamespace), client.MatchingFields{IndexServiceTag: isTrue})
	if err != nil {
		return err
	}
	for _, s := range byName(pointers(services.Items)) {
		g.tags = append(g.tags, tagOf(model.KindService, s))
	}
	var validator admissionregistrationv1.ValidatingWebhookConfiguration
	exists, err := g.get(ctx, model.KindValidatingWebhook, client.ObjectKey{Name: defaultValidator}, &validator)
	if exists && validator.Labels[meshtlsv1alpha1.LabelRevision] != "" {
		tag := tagOf(model.KindValidatingWebhook, &validator)
		tag.Tag = "default"
		g.tags = append(g.tags, tag)
	}
	return err
}

func tagOf(kind string, object client.Object) model.RevisionTag {
	labels := object.GetLabels()
	return model.RevisionTag{
		Object: model.RefOf(kind, object), Tag: labels[model.LabelTag], Revision: labels[meshtlsv1alpha1.LabelRevision],
		Version: labels[versions.LabelVersion],
	}
}

// isInjector finds the webhooks of Istio's injector: each is of a revision, and some are of a tag.
func isInjector(webhook *admissionregistrationv1.MutatingWebhookConfiguration) []string {
	if webhook.Labels[meshtlsv1alpha1.LabelRevision] == "" {
		return nil
	}
	return []string{isTrue}
}

// isTag finds the Services by which a revision tag is declared.
func isTag(service *corev1.Service) []string {
	if service.Labels[model.LabelTag] == "" || service.Labels[meshtlsv1alpha1.LabelRevision] == "" {
		return nil
	}
	return []string{isTrue}
}
