package api_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/meshtls/meshtls/test/controlplane"
)

// node is a schema within the CRD, with its path as errors write it: spec.send[].hosts[].
type node struct {
	path   string
	schema apiextensionsv1.JSONSchemaProps
	// isField says that the node is a property, not the element of a list or map.
	isField bool
}

// readSchema reads the generated CRD and returns the schema of the fields that are ours: those below spec and status.
func readSchema() []node {
	GinkgoHelper()
	root, err := controlplane.Root()
	Expect(err).NotTo(HaveOccurred())
	content, err := os.ReadFile(filepath.Join(root, "config", "crd", "bases", "security.meshtls.dev_meshtlspolicies.yaml"))
	Expect(err).NotTo(HaveOccurred())
	var crd apiextensionsv1.CustomResourceDefinition
	Expect(yaml.UnmarshalStrict(content, &crd)).To(Succeed())
	Expect(crd.Spec.Versions).To(HaveLen(1))
	properties := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties
	nodes := below(node{path: "spec", schema: properties["spec"], isField: true})
	return append(nodes, below(node{path: "status", schema: properties["status"], isField: true})...)
}

// below returns the node and every node below it.
func below(n node) []node {
	nodes := []node{n}
	for _, name := range slices.Sorted(maps.Keys(n.schema.Properties)) {
		nodes = append(nodes, below(node{path: n.path + "." + name, schema: n.schema.Properties[name], isField: true})...)
	}
	if n.schema.Items != nil {
		nodes = append(nodes, below(node{path: n.path + "[]", schema: *n.schema.Items.Schema})...)
	}
	if n.schema.AdditionalProperties != nil {
		nodes = append(nodes, below(node{path: n.path + "[]", schema: *n.schema.AdditionalProperties.Schema})...)
	}
	return nodes
}

var _ = Describe("the schema", func() {
	It("describes every field", func() {
		for _, n := range readSchema() {
			if n.isField {
				Expect(n.schema.Description).NotTo(BeEmpty(), n.path)
			}
		}
	})
	It("limits every list, and says how it is merged", func() {
		for _, n := range readSchema() {
			if n.schema.Type == "array" {
				Expect(n.schema.MaxItems).NotTo(BeNil(), n.path)
				Expect(n.schema.XListType).NotTo(BeNil(), n.path)
			}
		}
	})
	It("limits every map", func() {
		for _, n := range readSchema() {
			if n.schema.AdditionalProperties != nil {
				Expect(n.schema.MaxProperties).NotTo(BeNil(), n.path)
			}
		}
	})
	It("limits every string, by length or by its values", func() {
		for _, n := range readSchema() {
			isText := (n.schema.Type == "string" && n.schema.Format == "") || n.schema.XIntOrString
			if isText && len(n.schema.Enum) == 0 {
				Expect(n.schema.MaxLength).NotTo(BeNil(), n.path)
			}
		}
	})
})
