package gather

import (
	"cmp"
	"context"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// Policies returns the policies of all namespaces that are not being deleted.
func Policies(ctx context.Context, reader client.Reader) ([]*meshtlsv1alpha1.MeshTLSPolicy, error) {
	return newGathering(reader, metav1.NamespaceAll, Options{}).policiesOf(ctx, metav1.NamespaceAll)
}

// readPolicies reads the namespace's policies, and those of the root namespace, whose floors bind it.
func (g *gathering) readPolicies(ctx context.Context, s *model.Snapshot) error {
	var err error
	if s.Policies, err = g.policiesOf(ctx, g.namespace); err != nil {
		return err
	}
	if s.Mesh.RootNamespace == g.namespace {
		return nil
	}
	s.RootPolicies, err = g.policiesOf(ctx, s.Mesh.RootNamespace)
	return err
}

// policiesOf leaves out the policies that are being deleted: what they contribute goes with them.
func (g *gathering) policiesOf(ctx context.Context, namespace string) ([]*meshtlsv1alpha1.MeshTLSPolicy, error) {
	var found meshtlsv1alpha1.MeshTLSPolicyList
	if err := g.list(ctx, &found, client.InNamespace(namespace)); err != nil {
		return nil, err
	}
	var policies []*meshtlsv1alpha1.MeshTLSPolicy
	for i := range found.Items {
		if found.Items[i].DeletionTimestamp.IsZero() {
			policies = append(policies, &found.Items[i])
		}
	}
	slices.SortFunc(policies, func(a, b *meshtlsv1alpha1.MeshTLSPolicy) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	return policies, nil
}
