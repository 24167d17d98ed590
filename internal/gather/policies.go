package gather

import (
	"context"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

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
	slices.SortFunc(policies, func(a, b *meshtlsv1alpha1.MeshTLSPolicy) int { return strings.Compare(a.Name, b.Name) })
	return policies, nil
}
