package gather

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	meshapi "istio.io/api/mesh/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

const (
	// MeshConfigMap is the ConfigMap that holds Istio's mesh config; that of a revision has the revision's name appended.
	MeshConfigMap = "istio"
	// meshConfigKey is its key.
	meshConfigKey = "mesh"
	// defaultTrustDomain is Istio's.
	defaultTrustDomain = "cluster.local"
)

// readMesh reads the mesh config of the control plane that serves the namespace.
func (g *gathering) readMesh(ctx context.Context, s *model.Snapshot) error {
	namespace, err := g.readNamespace(ctx, g.namespace)
	if err != nil {
		return err
	}
	var configMaps corev1.ConfigMapList
	if err := g.list(ctx, &configMaps, client.InNamespace(g.options.IstioNamespace)); err != nil {
		return err
	}
	config, problem := g.meshConfig(configMaps.Items, namespace.Labels[meshtlsv1alpha1.LabelRevision])
	s.Mesh = g.mesh(config)
	s.Mesh.Problem = problem
	return nil
}

// meshConfig chooses and decodes the mesh config. Without one that can be read it is empty, and problem says why.
func (g *gathering) meshConfig(configMaps []corev1.ConfigMap, revision string) (config *meshapi.MeshConfig, problem string) {
	chosen := chooseMeshConfig(configMaps, revision)
	if chosen == nil {
		return nil, fmt.Sprintf("There is no ConfigMap %s/%s with a key %s, so Istio's defaults are assumed.",
			g.options.IstioNamespace, MeshConfigMap, meshConfigKey)
	}
	config, err := decodeMeshConfig(chosen.Data[meshConfigKey])
	if err != nil {
		return nil, fmt.Sprintf("The key %s of ConfigMap %s/%s is not a mesh config (%s), so Istio's defaults are assumed.",
			meshConfigKey, chosen.Namespace, chosen.Name, err)
	}
	return config, ""
}

// chooseMeshConfig prefers the revision's mesh config to the one without a revision, and that to the first of any revision.
func chooseMeshConfig(configMaps []corev1.ConfigMap, revision string) *corev1.ConfigMap {
	var chosen *corev1.ConfigMap
	rank := func(c *corev1.ConfigMap) int {
		switch c.Name {
		case MeshConfigMap + "-" + revision:
			return 0
		case MeshConfigMap:
			return 1
		default:
			return 2
		}
	}
	for i := range configMaps {
		candidate := &configMaps[i]
		if !holdsMeshConfig(candidate) {
			continue
		}
		if chosen == nil || cmp.Or(rank(candidate)-rank(chosen), strings.Compare(candidate.Name, chosen.Name)) < 0 {
			chosen = candidate
		}
	}
	return chosen
}

// holdsMeshConfig leaves out Istio's other ConfigMaps, such as that of its sidecar injector.
func holdsMeshConfig(c *corev1.ConfigMap) bool {
	_, ok := c.Data[meshConfigKey]
	return ok && (c.Name == MeshConfigMap || strings.HasPrefix(c.Name, MeshConfigMap+"-"))
}

// decodeMeshConfig ignores what this version of Istio's API does not know: the control plane may be newer.
func decodeMeshConfig(text string) (*meshapi.MeshConfig, error) {
	encoded, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		return nil, err
	}
	config := &meshapi.MeshConfig{}
	if string(encoded) == "null" {
		return config, nil
	}
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(encoded, config); err != nil {
		// The library puts one of two kinds of space into its messages at random, and this one ends up in a status.
		return nil, fmt.Errorf("%s", strings.ReplaceAll(err.Error(), "\u00a0", " "))
	}
	return config, nil
}

// mesh fills in Istio's defaults for what the mesh config, which may be nil, leaves out.
func (g *gathering) mesh(config *meshapi.MeshConfig) model.Mesh {
	return model.Mesh{
		RootNamespace:                  cmp.Or(g.options.RootNamespace, config.GetRootNamespace(), g.options.IstioNamespace),
		AutoMTLS:                       config.GetEnableAutoMtls() == nil || config.GetEnableAutoMtls().GetValue(),
		TrustDomain:                    cmp.Or(config.GetTrustDomain(), defaultTrustDomain),
		DefaultDestinationRuleExportTo: slices.Clone(config.GetDefaultDestinationRuleExportTo()),
		DefaultVirtualServiceExportTo:  slices.Clone(config.GetDefaultVirtualServiceExportTo()),
		DefaultServiceExportTo:         slices.Clone(config.GetDefaultServiceExportTo()),
		MinProtocolVersion:             minProtocolVersion(config),
	}
}

// minProtocolVersion is empty where Istio decides.
func minProtocolVersion(config *meshapi.MeshConfig) string {
	version := config.GetMeshMTLS().GetMinProtocolVersion()
	if version == meshapi.MeshConfig_TLSConfig_TLS_AUTO {
		return ""
	}
	return version.String()
}
