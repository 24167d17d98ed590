package source

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/source/admission"
	"github.com/meshtls/meshtls/internal/verbatim"
)

// refused is why an API server would not take an object.
type refused struct{ errs field.ErrorList }

// Error names all that is wrong.
func (r refused) Error() string {
	words := make([]string, 0, len(r.errs))
	for _, err := range r.errs {
		words = append(words, err.Error())
	}
	return strings.Join(words, "; ")
}

// field is the first that is wrong.
func (r refused) field() string { return r.errs[0].Field }

// orNil is nil for no errors.
func (r refused) orNil() error {
	if len(r.errs) == 0 {
		return nil
	}
	return r
}

// admit does to a policy what the API server would, which also drops the status of an object that is created. Only how far its rollout has
// come is kept: what is in force depends on it, and the policy may be one that a cluster has.
func admit(ctx context.Context, fields map[string]any) error {
	status, _ := fields["status"].(map[string]any)
	delete(fields, "status")
	if reached, said := status["rollout"]; said {
		fields["status"] = map[string]any{"rollout": reached}
	}
	crd, err := admission.Of(policyKind.GroupKind())
	if err != nil {
		return err
	}
	return refused{crd.Admit(ctx, fields)}.orNil()
}

// admitIstio does to an object of Istio's what the API server would, with Istio's CRDs, which also drops the status. The unknown fields
// are taken out of the fields, and returned: the mesh may have a newer Istio, which knows them.
func admitIstio(ctx context.Context, fields map[string]any, kind schema.GroupKind, spec proto.Message) (unknownFields, error) {
	crd, err := admission.Of(kind)
	if err != nil {
		return unknownFields{}, err
	}
	delete(fields, "status")
	unknown := unknownFields{kept: verbatim.Split(fields, spec)}
	unknown.dropped = crd.Prune(fields)
	return unknown, refused{crd.Check(ctx, fields)}.orNil()
}

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
