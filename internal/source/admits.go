package source

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// Document returns the policy as a manifest holds it: with its kind, and without a status or what an API server adds.
func Document(policy *meshtlsv1alpha1.MeshTLSPolicy) (map[string]any, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(policy)
	if err != nil {
		return nil, fmt.Errorf("converting MeshTLSPolicy %s/%s: %w", policy.Namespace, policy.Name, err)
	}
	metadata := map[string]any{"name": policy.Name}
	if policy.Namespace != "" {
		metadata["namespace"] = policy.Namespace
	}
	if given, _ := content["metadata"].(map[string]any); given["labels"] != nil {
		metadata["labels"] = given["labels"]
	}
	apiVersion, kind := policyKind.ToAPIVersionAndKind()
	return map[string]any{"apiVersion": apiVersion, "kind": kind, "metadata": metadata, "spec": content["spec"]}, nil
}

// Admit says why the API server would refuse a policy; nil: it would not.
func Admit(ctx context.Context, policy *meshtlsv1alpha1.MeshTLSPolicy) error {
	document, err := Document(policy)
	if err != nil {
		return err
	}
	return admit(ctx, document)
}
