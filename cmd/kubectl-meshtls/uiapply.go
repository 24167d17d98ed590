package main

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// policyApplier writes policies to the cluster, with the user's rights.
type policyApplier struct{ client.Client }

// uiManager is what the page's changes are known by among a policy's managers.
const uiManager = client.FieldOwner("kubectl-meshtls-ui")

// Apply creates the policy, or updates it where it has a resource version. The API server is first asked whether it would.
func (a policyApplier) Apply(ctx context.Context, policy *meshtlsv1alpha1.MeshTLSPolicy) error {
	write := func(options ...client.UpdateOption) error {
		return a.Update(ctx, policy.DeepCopy(), append(options, uiManager)...)
	}
	if policy.ResourceVersion == "" {
		if err := a.Create(ctx, policy.DeepCopy(), client.DryRunAll, uiManager); err != nil {
			return err
		}
		return a.Create(ctx, policy.DeepCopy(), uiManager)
	}
	if err := write(client.DryRunAll); err != nil {
		return err
	}
	return write()
}
