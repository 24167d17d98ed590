package gather

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	meshapi "istio.io/api/mesh/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/revisions"
	"github.com/meshtls/meshtls/internal/model"
)

const (
	// MeshConfigMap is the ConfigMap that holds Istio's mesh config; that of a revision has the revision's name appended.
	MeshConfigMap = "istio"
	// meshConfigKey is its key.
	meshConfigKey = "mesh"
	// injectorConfigMap is the ConfigMap that holds what Istio's injector is installed with, under injectorValuesKey.
	injectorConfigMap = "istio-sidecar-injector"
	injectorValuesKey = "values"
	// defaultTrustDomain is Istio's.
	defaultTrustDomain = "cluster.local"
)

// readMesh reads the mesh config of the control plane that serves the namespace.
func (g *gathering) readMesh(ctx context.Context) error {
	labels, err := g.labelsOf(ctx, g.namespace)
	if err != nil {
		return err
	}
	var configMaps corev1.ConfigMapList
	if err := g.list(ctx, Read{Kind: model.KindConfigMap, Namespace: g.options.IstioNamespace}, &configMaps,
		client.InNamespace(g.options.IstioNamespace)); err != nil {
		return err
	}
	revision := revisions.New(g.tags).Of(labels[meshtlsv1alpha1.LabelRevision])
	config, problem := g.meshConfig(configMaps.Items, revision)
	g.mesh = g.meshOf(config)
	g.mesh.Problem, g.mesh.Fields = problem, g.options.Fields
	values := chooseConfigMap(configMaps.Items, injectorConfigMap, injectorValuesKey, revision)
	g.mesh.ClusterDomain = cmp.Or(g.options.ClusterDomain, clusterDomain(values), string(hosts.Default))
	return nil
}

// domain returns the cluster's: what the names of its Services end in.
func (g *gathering) domain() hosts.Domain { return hosts.Domain(g.mesh.ClusterDomain) }

// meshConfig chooses and decodes the mesh config. Without one that can be read it is empty, and problem says why.
func (g *gathering) meshConfig(configMaps []corev1.ConfigMap, revision string) (config *meshapi.MeshConfig, problem string) {
	chosen := chooseConfigMap(configMaps, MeshConfigMap, meshConfigKey, revision)
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

// chooseConfigMap prefers the revision's ConfigMap of the name to the one without a revision, and that to the first of any revision. It
// leaves out those that lack the key.
func chooseConfigMap(configMaps []corev1.ConfigMap, name, key, revision string) *corev1.ConfigMap {
	var chosen *corev1.ConfigMap
	rank := func(c *corev1.ConfigMap) int {
		switch c.Name {
		case name + "-" + revision:
			return 0
		case name:
			return 1
		default:
			return 2
		}
	}
	for i := range configMaps {
		candidate := &configMaps[i]
		if _, ok := candidate.Data[key]; !ok || candidate.Name != name && !strings.HasPrefix(candidate.Name, name+"-") {
			continue
		}
		if chosen == nil || cmp.Or(rank(candidate)-rank(chosen), strings.Compare(candidate.Name, chosen.Name)) < 0 {
			chosen = candidate
		}
	}
	return chosen
}

// clusterDomain returns what the injector's values say that the names of Services end in; empty: nothing.
func clusterDomain(values *corev1.ConfigMap) string {
	var said injectorValues
	if values == nil || json.Unmarshal([]byte(values.Data[injectorValuesKey]), &said) != nil {
		return ""
	}
	return said.Global.Proxy.ClusterDomain
}

// injectorValuesOf returns the values that say the domain and nothing else.
func injectorValuesOf(domain string) string {
	var values injectorValues
	values.Global.Proxy.ClusterDomain = domain
	text, _ := json.Marshal(values) // a struct of strings
	return string(text)
}

// injectorValues is what is read of the values that Istio's injector is installed with.
type injectorValues struct {
	Global struct {
		Proxy struct {
			ClusterDomain string `json:"clusterDomain,omitempty"`
		} `json:"proxy"`
	} `json:"global"`
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

// meshOf fills in Istio's defaults for what the mesh config, which may be nil, leaves out.
func (g *gathering) meshOf(config *meshapi.MeshConfig) model.Mesh {
	return model.Mesh{
		RootNamespace:                  cmp.Or(g.options.RootNamespace, config.GetRootNamespace(), g.options.IstioNamespace),
		AutoMTLS:                       config.GetEnableAutoMtls() == nil || config.GetEnableAutoMtls().GetValue(),
		TrustDomain:                    cmp.Or(config.GetTrustDomain(), defaultTrustDomain),
		TrustDomainAliases:             slices.Clone(config.GetTrustDomainAliases()),
		DiscoverySelectors:             discoverySelectors(config),
		Ingress:                        ingressSettings(config),
		Outbound:                       outboundMode(config),
		DefaultDestinationRuleExportTo: slices.Clone(config.GetDefaultDestinationRuleExportTo()),
		DefaultVirtualServiceExportTo:  slices.Clone(config.GetDefaultVirtualServiceExportTo()),
		DefaultServiceExportTo:         slices.Clone(config.GetDefaultServiceExportTo()),
		MinProtocolVersion:             minProtocolVersion(config),
	}
}

func discoverySelectors(config *meshapi.MeshConfig) []metav1.LabelSelector {
	var selectors []metav1.LabelSelector
	for _, s := range config.GetDiscoverySelectors() {
		selector := metav1.LabelSelector{MatchLabels: s.GetMatchLabels()}
		for _, e := range s.GetMatchExpressions() {
			selector.MatchExpressions = append(selector.MatchExpressions, metav1.LabelSelectorRequirement{
				Key: e.GetKey(), Operator: metav1.LabelSelectorOperator(e.GetOperator()), Values: e.GetValues(),
			})
		}
		selectors = append(selectors, selector)
	}
	return selectors
}

// ingressSettings fills in Istio's defaults. The namespace is one that only a variable of the control plane could change.
// Source: istio pkg/config/mesh/mesh.go, DefaultMeshConfig.
func ingressSettings(config *meshapi.MeshConfig) model.IngressSettings {
	settings := model.IngressSettings{
		Mode: model.IngressStrict, Class: cmp.Or(config.GetIngressClass(), "istio"), Namespace: DefaultIstioNamespace,
		Service: cmp.Or(config.GetIngressService(), "istio-ingressgateway"), Selector: config.GetIngressSelector(),
	}
	if mode := config.GetIngressControllerMode(); mode != meshapi.MeshConfig_UNSPECIFIED {
		settings.Mode = model.IngressMode(mode.String())
	}
	return settings
}

func outboundMode(config *meshapi.MeshConfig) model.OutboundMode {
	if config.GetOutboundTrafficPolicy() == nil {
		return model.OutboundAllowAny
	}
	return model.OutboundMode(config.GetOutboundTrafficPolicy().GetMode().String())
}

// minProtocolVersion is empty where Istio decides.
func minProtocolVersion(config *meshapi.MeshConfig) string {
	version := config.GetMeshMTLS().GetMinProtocolVersion()
	if version == meshapi.MeshConfig_TLSConfig_TLS_AUTO {
		return ""
	}
	return version.String()
}
