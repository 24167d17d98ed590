package gather_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/istio/hosts"
)

func nilIfEmpty(names []string) []string {
	if len(names) == 0 {
		return nil
	}
	return names
}

func TestNamespaces(t *testing.T) {
	reader := world(t, policyA+"\n---\n"+strings.Replace(policyA, "name: a", "name: b", 1)+
		"\n---\n"+strings.Replace(policyA, "namespace: shop", "namespace: bank", 1)+service("empty", "a", ""))
	got, err := gather.Namespaces(t.Context(), reader)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"bank", "shop"}, got); diff != "" {
		t.Errorf("namespaces (-want +got):\n%s", diff)
	}
}

func TestNamespacesWithGateway(t *testing.T) {
	in := func(namespace, target string) string {
		return strings.NewReplacer("TARGET", target, "namespace: shop", "namespace: "+namespace).Replace(gatewayPolicy)
	}
	reader := world(t, in("two-labels", "{selector: {matchLabels: {istio: edge, tier: front}}}")+
		in("one-label", "{selector: {matchLabels: {istio: edge}}}")+
		in("other", "{selector: {matchLabels: {istio: other}}}")+
		in("by-service", "{service: edge}")+selecting("by-service", "edge", "{istio: edge}")+
		in("other-service", "{service: another}")+selecting("other-service", "edge", "{istio: edge}")+
		selecting("no-policy", "edge", "{istio: edge}"))
	tests := map[string]struct {
		labels map[string]string
		want   []string
	}{
		"all labels fit":   {labels: map[string]string{"istio": "edge", "tier": "front", "more": "yes"}, want: []string{"by-service", "one-label", "two-labels"}},
		"some labels fit":  {labels: map[string]string{"istio": "edge", "tier": "back"}, want: []string{"by-service", "one-label"}},
		"the second fits":  {labels: map[string]string{"tier": "front"}},
		"no label":         {},
		"labels of others": {labels: map[string]string{"app": "a"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := gather.NamespacesWithGateway(t.Context(), reader, tc.labels)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, nilIfEmpty(got)); diff != "" {
				t.Errorf("namespaces (-want +got):\n%s", diff)
			}
		})
	}
}

// TestDependentsAreSnapshotReadBackwards: whatever a snapshot holds of other namespaces leads back to its namespace.
func TestDependentsAreSnapshotReadBackwards(t *testing.T) {
	reader := samples(t)
	found := 0
	for _, namespace := range namespaces(t, reader) {
		s := snapshotOf(t, reader, namespace, gather.Options{})
		for _, host := range hostsOf(s) {
			found++
			back, err := gather.NamespacesSendingTo(t.Context(), reader, host.Name)
			if err != nil || !slices.Contains(back, namespace) {
				t.Errorf("host %s leads to %q, %v, want %s among them", host.Name, back, err, namespace)
			}
		}
		for _, pod := range podsElsewhere(s) {
			found++
			back, err := gather.NamespacesWithGateway(t.Context(), reader, pod.Labels)
			if err != nil || !slices.Contains(back, namespace) {
				t.Errorf("pod %s/%s leads to %q, %v, want %s among them", pod.Namespace, pod.Example, back, err, namespace)
			}
		}
		for _, service := range s.Services {
			if service.Namespace == namespace {
				continue
			}
			found++
			sending, err := gather.NamespacesSendingTo(t.Context(), reader, hosts.OfService(service.Namespace, service.Name))
			if err != nil {
				t.Fatal(err)
			}
			declared := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: service.Namespace, Name: service.Name}}
			declared.Spec.Selector = service.Selector
			behind, err := gather.NamespacesBehind(t.Context(), reader, declared)
			if back := slices.Concat(sending, behind); err != nil || !slices.Contains(back, namespace) {
				t.Errorf("Service %s/%s leads to %q, %v, want %s among them", service.Namespace, service.Name, back, err, namespace)
			}
		}
		for _, vs := range s.VirtualServices {
			found++
			back, err := gather.NamespacesRoutedBy(t.Context(), reader, vs)
			if err != nil || !slices.Contains(back, namespace) {
				t.Errorf("VirtualService %s/%s leads to %q, %v, want %s among them", vs.Namespace, vs.Name, back, err, namespace)
			}
		}
	}
	if found == 0 {
		t.Error("the samples hold nothing that lies elsewhere")
	}
}
