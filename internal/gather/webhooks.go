package gather

import (
	"context"
	"slices"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/internal/model"
)

// defaultWebhookPort is the port of a webhook that names none.
const defaultWebhookPort = 443

// readCallsOfServices reads the webhooks that the API server, which has no proxy, calls at Services of the namespace.
func (g *gathering) readCallsOfServices(ctx context.Context, s *model.Snapshot) error {
	found, err := g.webhooks(ctx, client.MatchingFields{IndexWebhookNamespace: g.namespace})
	s.Webhooks = slices.DeleteFunc(found, func(w model.Webhook) bool { return w.Service.Namespace != g.namespace })
	return err
}

// webhooks returns the webhooks that the API server calls at a Service, by kind and configuration.
func (g *gathering) webhooks(ctx context.Context, options ...client.ListOption) ([]model.Webhook, error) {
	var mutating admissionregistrationv1.MutatingWebhookConfigurationList
	var validating admissionregistrationv1.ValidatingWebhookConfigurationList
	if err := g.list(ctx, questionOf(model.KindMutatingWebhook, options).Read, &mutating, options...); err != nil {
		return nil, err
	}
	if err := g.list(ctx, questionOf(model.KindValidatingWebhook, options).Read, &validating, options...); err != nil {
		return nil, err
	}
	var all []model.Webhook
	for _, configuration := range byName(pointers(mutating.Items)) {
		for _, call := range mutatingCalls(configuration) {
			all = append(all, call.of(model.KindMutatingWebhook, configuration))
		}
	}
	for _, configuration := range byName(pointers(validating.Items)) {
		for _, call := range validatingCalls(configuration) {
			all = append(all, call.of(model.KindValidatingWebhook, configuration))
		}
	}
	return all, nil
}

// call is a webhook of a configuration that is called at a Service, not by URL.
type call struct {
	name    string
	service *admissionregistrationv1.ServiceReference
}

func (c call) of(kind string, configuration client.Object) model.Webhook {
	return model.Webhook{
		Kind:          kind,
		Configuration: configuration.GetName(),
		Name:          c.name,
		Service:       types.NamespacedName{Namespace: c.service.Namespace, Name: c.service.Name},
		Port:          ptr.Deref(c.service.Port, defaultWebhookPort),
		Labels:        configuration.GetLabels(),
		Annotations:   configuration.GetAnnotations(),
	}
}

// config returns how the API server is told of the call.
func (c call) config() admissionregistrationv1.WebhookClientConfig {
	return admissionregistrationv1.WebhookClientConfig{Service: c.service}
}

func mutatingCalls(configuration *admissionregistrationv1.MutatingWebhookConfiguration) []call {
	var calls []call
	for i := range configuration.Webhooks {
		if hook := &configuration.Webhooks[i]; hook.ClientConfig.Service != nil {
			calls = append(calls, call{name: hook.Name, service: hook.ClientConfig.Service})
		}
	}
	return calls
}

func validatingCalls(configuration *admissionregistrationv1.ValidatingWebhookConfiguration) []call {
	var calls []call
	for i := range configuration.Webhooks {
		if hook := &configuration.Webhooks[i]; hook.ClientConfig.Service != nil {
			calls = append(calls, call{name: hook.Name, service: hook.ClientConfig.Service})
		}
	}
	return calls
}

// webhookNamespaces returns the namespaces of the Services that the API server calls for the webhook configuration, of either kind.
func webhookNamespaces(configuration client.Object) []string {
	switch typed := configuration.(type) {
	case *admissionregistrationv1.MutatingWebhookConfiguration:
		return namespacesCalled(mutatingCalls(typed))
	case *admissionregistrationv1.ValidatingWebhookConfiguration:
		return namespacesCalled(validatingCalls(typed))
	default:
		return nil
	}
}

func namespacesCalled(calls []call) []string {
	namespaces := sets.New[string]()
	for _, c := range calls {
		namespaces.Insert(c.service.Namespace)
	}
	return sets.List(namespaces)
}
