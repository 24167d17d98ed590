package admission

import (
	"context"
	"errors"
	"fmt"
	"io"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	runtimeschema "k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apimachinery/pkg/util/yaml"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
)

// Schema admits the objects of one version of a kind.
type Schema struct {
	structural *schema.Structural
	validator  validation.SchemaValidator
	rules      *cel.Validator
}

// Schemas are those of several kinds.
type Schemas map[runtimeschema.GroupVersionKind]*Schema

// Load reads CRDs, as YAML documents.
func Load(crds io.Reader) (Schemas, error) {
	schemas := Schemas{}
	for documents := yaml.NewYAMLOrJSONDecoder(crds, 4096); ; {
		var crd apiextensionsv1.CustomResourceDefinition
		err := documents.Decode(&crd)
		if errors.Is(err, io.EOF) {
			return schemas, nil
		}
		if err != nil {
			return nil, fmt.Errorf("decoding a CustomResourceDefinition: %w", err)
		}
		if err := schemas.add(&crd); err != nil {
			return nil, fmt.Errorf("reading the schema of CustomResourceDefinition %s: %w", crd.Name, err)
		}
	}
}

func (s Schemas) add(crd *apiextensionsv1.CustomResourceDefinition) error {
	for i := range crd.Spec.Versions {
		version := &crd.Spec.Versions[i]
		if version.Schema == nil || version.Schema.OpenAPIV3Schema == nil {
			continue
		}
		built, err := newSchema(version.Schema.OpenAPIV3Schema)
		if err != nil {
			return fmt.Errorf("version %s: %w", version.Name, err)
		}
		s[runtimeschema.GroupVersionKind{Group: crd.Spec.Group, Version: version.Name, Kind: crd.Spec.Names.Kind}] = built
	}
	return nil
}

func newSchema(versioned *apiextensionsv1.JSONSchemaProps) (*Schema, error) {
	var props apiextensions.JSONSchemaProps
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(versioned, &props, nil); err != nil {
		return nil, err
	}
	structural, err := schema.NewStructural(&props)
	if err != nil {
		return nil, err
	}
	withoutBornStatus(structural)
	validator, _, err := validation.NewSchemaValidator(&props)
	if err != nil {
		return nil, err
	}
	return &Schema{
		structural: structural,
		validator:  validator,
		rules:      cel.NewValidator(structural, true, celconfig.PerCallLimit),
	}, nil
}

// withoutBornStatus takes out the status that an object of the cluster is born with: who reads a file makes a status of their own.
func withoutBornStatus(object *schema.Structural) {
	status := object.Properties["status"]
	status.Default = schema.JSON{}
	object.Properties["status"] = status
}

// Admit fills the CRD's defaults into the object, and says what is wrong with it; nothing: it would be admitted. An unknown field is wrong.
func (s *Schema) Admit(ctx context.Context, object map[string]any) field.ErrorList {
	var errs field.ErrorList
	for _, path := range s.Prune(object) {
		errs = append(errs, field.Forbidden(field.NewPath(path), "unknown field"))
	}
	return append(errs, s.Check(ctx, object)...)
}

// Prune takes the unknown fields out of the object, and returns their paths.
func (s *Schema) Prune(object map[string]any) []string {
	return pruning.PruneWithOptions(object, s.structural, true, schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
}

// Check is Admit for an object without unknown fields.
func (s *Schema) Check(ctx context.Context, object map[string]any) field.ErrorList {
	defaulting.PruneNonNullableNullsWithoutDefaults(object, s.structural)
	defaulting.Default(object, s.structural)
	errs := validation.ValidateCustomResource(nil, object, s.validator)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, s.structural, object)...)
	if len(errs) > 0 || s.rules == nil {
		return errs // the rules expect an object that fits the schema
	}
	errs, _ = s.rules.Validate(ctx, nil, s.structural, object, nil, celconfig.RuntimeCELCostBudget)
	return errs
}
