package versions

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/sets"
)

// Field is a field of Istio's API that not every mesh has, and that a policy can ask for.
type Field struct {
	// Name is how it is called in model.Mesh: the kind, and the path below the spec, without what is in lists.
	Name string
	// CRD is the name of the CRD that has it.
	CRD string
	// Since is the version that brought it.
	Since string
}

const gatewayCRD = "gateways.networking.istio.io"

// The fields of a Gateway's server.
var (
	// GatewayCredentialNames is not in the CRDs of istio.io/api 1.24.2, and in those of 1.26.0.
	GatewayCredentialNames = Field{Name: "Gateway servers.tls.credentialNames", CRD: gatewayCRD, Since: "1.26"}
	// GatewayCACredential is named in the change notes of Istio 1.28.
	GatewayCACredential = Field{Name: "Gateway servers.tls.caCertCredentialName", CRD: gatewayCRD, Since: "1.28"}
	// GatewayCurves is not in the CRDs of istio.io/api 1.31.1, and in those of 1.32.0.
	GatewayCurves = Field{Name: "Gateway servers.tls.ecdhCurves", CRD: gatewayCRD, Since: "1.32"}
	// GatewayALPN: releasenotes/notes/gateway-alpn-protocols.yaml of istio.io/api 1.32.0.
	GatewayALPN = Field{Name: "Gateway servers.tls.alpnProtocols", CRD: gatewayCRD, Since: "1.32"}
)

// Fields are all of them.
var Fields = []Field{GatewayCredentialNames, GatewayCACredential, GatewayCurves, GatewayALPN}

// CRDs returns the names of the CRDs that have the Fields.
func CRDs() []string {
	names := sets.New[string]()
	for _, field := range Fields {
		names.Insert(field.CRD)
	}
	return sets.List(names)
}

// Path is the field's path in an object, for messages: spec.servers.tls.ecdhCurves.
func (f Field) Path() string {
	_, path, _ := strings.Cut(f.Name, " ")
	return "spec." + path
}

// InCRD returns the names of those Fields that the CRD has.
func InCRD(crd *unstructured.Unstructured) sets.Set[string] {
	names := sets.New[string]()
	schema := servedSchema(crd.Object)
	for _, field := range Fields {
		if field.CRD == crd.GetName() && has(schema, strings.Split(field.Path(), ".")) {
			names.Insert(field.Name)
		}
	}
	return names
}

// servedSchema returns the schema of the version that is read and written, v1, or of the first where a CRD has none.
func servedSchema(crd map[string]any) map[string]any {
	versions, _, _ := unstructured.NestedSlice(crd, "spec", "versions")
	isV1 := func(version any) bool {
		content, _ := version.(map[string]any)
		return content["name"] == "v1"
	}
	at := max(slices.IndexFunc(versions, isV1), 0)
	if at >= len(versions) {
		return nil
	}
	version, _ := versions[at].(map[string]any)
	schema, _, _ := unstructured.NestedMap(version, "schema", "openAPIV3Schema")
	return schema
}

// has follows the path through properties, and through the items of lists. A schema that keeps unknown fields has all.
func has(schema map[string]any, path []string) bool {
	if items, isList := schema["items"].(map[string]any); isList {
		return has(items, path)
	}
	if len(path) == 0 {
		return true
	}
	properties, _ := schema["properties"].(map[string]any)
	below, there := properties[path[0]].(map[string]any)
	if !there {
		return schema["x-kubernetes-preserve-unknown-fields"] == true
	}
	return has(below, path[1:])
}
