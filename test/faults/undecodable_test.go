package faults

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

const crdOfRules = "destinationrules.networking.istio.io"

// TestUndecodable stores a DestinationRule that an older CRD took and that Go's types have no place for: before the operator starts, and
// while it runs. It is told in its namespace, and holds up nobody else.
func TestUndecodable(t *testing.T) {
	loosenSchema(t, crdOfRules)
	c := changes[0]
	own, other := begin(t, c), begin(t, c)
	garbage := undecodable(own)
	must(t, admin.Create(t.Context(), garbage))
	startFor(t, []string{own, other}, &transport{})

	set(t, other, c.after)
	ready(t, other)
	doubtful(t, own, garbage.GetName())
	must(t, admin.Delete(t.Context(), garbage))
	ready(t, own)

	late := undecodable(own)
	must(t, admin.Create(t.Context(), late))
	doubtful(t, own, late.GetName())
	set(t, other, c.before)
	ready(t, other)
	late.Object["spec"] = map[string]any{"host": "nobody.example"}
	must(t, admin.Update(t.Context(), late))
	ready(t, own)
	must(t, admin.Delete(t.Context(), late))
	tallied.add("an object that is not decoded", counts{runs: 2})
}

// undecodable returns a DestinationRule with a mode that is none.
func undecodable(namespace string) *unstructured.Unstructured {
	rule := &unstructured.Unstructured{Object: map[string]any{
		"spec": map[string]any{"host": "a", "trafficPolicy": map[string]any{"tls": map[string]any{"mode": "MOSTLY"}}},
	}}
	rule.SetAPIVersion("networking.istio.io/v1")
	rule.SetKind("DestinationRule")
	rule.SetNamespace(namespace)
	rule.SetName("from-another-time")
	return rule
}

// doubtful waits until the namespace's policies say that they do not know what the object does.
func doubtful(t *testing.T, namespace, object string) {
	t.Helper()
	eventually(t, "what the object does is not told to be unknown", func(ctx context.Context) error {
		var list meshtlsv1alpha1.MeshTLSPolicyList
		if err := admin.List(ctx, &list, client.InNamespace(namespace)); err != nil {
			return err
		}
		var wrong []error
		for i := range list.Items {
			said := list.Items[i].Status.Conditions
			effective := meta.FindStatusCondition(said, meshtlsv1alpha1.ConditionEffective)
			if effective == nil || effective.Status != metav1.ConditionUnknown || effective.Reason != meshtlsv1alpha1.ReasonUndecodable ||
				!strings.Contains(effective.Message, object) || meta.IsStatusConditionTrue(said, meshtlsv1alpha1.ConditionReady) {
				wrong = append(wrong, fmt.Errorf("%s: %v", list.Items[i].Name, said))
			}
		}
		return errors.Join(wrong...)
	})
}

// loosenSchema lets anything be stored as objects of the CRD's kind, until the test ends.
func loosenSchema(t *testing.T, name string) {
	t.Helper()
	before := versionsOf(t, name)
	t.Cleanup(func() {
		replaceVersions(t, name, before)
	})
	loose := make([]any, 0, len(before))
	for _, version := range before {
		changed, is := version.(map[string]any)
		if !is {
			t.Fatalf("a version of %s is %T", name, version)
		}
		changed = (&unstructured.Unstructured{Object: changed}).DeepCopy().Object
		changed["schema"] = map[string]any{"openAPIV3Schema": map[string]any{
			"type": "object", "x-kubernetes-preserve-unknown-fields": true,
		}}
		delete(changed, "additionalPrinterColumns")
		loose = append(loose, changed)
	}
	replaceVersions(t, name, loose)
	eventually(t, "the API server does not take what it should", func(ctx context.Context) error {
		probe := undecodable(istioNamespace)
		return admin.Create(ctx, probe, client.DryRunAll)
	})
}

func crdOf(ctx context.Context, name string) (*unstructured.Unstructured, error) {
	crd := &unstructured.Unstructured{}
	crd.SetAPIVersion("apiextensions.k8s.io/v1")
	crd.SetKind("CustomResourceDefinition")
	err := admin.Get(ctx, client.ObjectKey{Name: name}, crd)
	return crd, err
}

func versionsOf(t *testing.T, name string) []any {
	t.Helper()
	crd, err := crdOf(t.Context(), name)
	must(t, err)
	versions, _, err := unstructured.NestedSlice(crd.Object, "spec", "versions")
	must(t, err)
	return versions
}

func replaceVersions(t *testing.T, name string, versions []any) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	eventuallyIn(ctx, t, "the CRD cannot be changed", func(ctx context.Context) error {
		crd, err := crdOf(ctx, name)
		if err != nil {
			return err
		}
		if err := unstructured.SetNestedSlice(crd.Object, versions, "spec", "versions"); err != nil {
			return err
		}
		return admin.Update(ctx, crd)
	})
}
