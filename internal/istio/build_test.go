package istio

import (
	networkingapi "istio.io/api/networking/v1alpha3"
	securityapi "istio.io/api/security/v1beta1"
	typeapi "istio.io/api/type/v1beta1"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshtls/meshtls/internal/model"
)

const rootNamespace = "istio-system"

var mesh = model.Mesh{RootNamespace: rootNamespace, AutoMTLS: true}

// Modes, shorter.
const (
	unsetMode      = securityapi.PeerAuthentication_MutualTLS_UNSET
	disableMode    = securityapi.PeerAuthentication_MutualTLS_DISABLE
	permissiveMode = securityapi.PeerAuthentication_MutualTLS_PERMISSIVE
	strictMode     = securityapi.PeerAuthentication_MutualTLS_STRICT
)

type labels = map[string]string

// meta has the age in seconds: the greater, the older.
func meta(namespace, name string, age int64) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name, CreationTimestamp: metav1.Unix(1_700_000_000-age, 0)}
}

// peerBuilder builds PeerAuthentications.
type peerBuilder struct {
	*istiosecurityv1.PeerAuthentication
}

func peer(namespace, name string, age int64, mode securityapi.PeerAuthentication_MutualTLS_Mode) peerBuilder {
	pa := &istiosecurityv1.PeerAuthentication{ObjectMeta: meta(namespace, name, age)}
	if mode != unsetMode {
		pa.Spec.Mtls = &securityapi.PeerAuthentication_MutualTLS{Mode: mode}
	}
	return peerBuilder{pa}
}

func (b peerBuilder) selecting(selector labels) peerBuilder {
	b.Spec.Selector = &typeapi.WorkloadSelector{MatchLabels: selector}
	return b
}

func (b peerBuilder) port(port uint32, mode securityapi.PeerAuthentication_MutualTLS_Mode) peerBuilder {
	if b.Spec.PortLevelMtls == nil {
		b.Spec.PortLevelMtls = map[uint32]*securityapi.PeerAuthentication_MutualTLS{}
	}
	b.Spec.PortLevelMtls[port] = &securityapi.PeerAuthentication_MutualTLS{Mode: mode}
	return b
}

func peers(builders ...peerBuilder) []*istiosecurityv1.PeerAuthentication {
	var all []*istiosecurityv1.PeerAuthentication
	for _, b := range builders {
		all = append(all, b.PeerAuthentication)
	}
	return all
}

// ruleBuilder builds DestinationRules.
type ruleBuilder struct {
	*istionetworkingv1.DestinationRule
}

func rule(namespace, name string, age int64, host string) ruleBuilder {
	r := &istionetworkingv1.DestinationRule{ObjectMeta: meta(namespace, name, age)}
	r.Spec.Host = host
	return ruleBuilder{r}
}

func (b ruleBuilder) selecting(selector labels) ruleBuilder {
	b.Spec.WorkloadSelector = &typeapi.WorkloadSelector{MatchLabels: selector}
	return b
}

func (b ruleBuilder) exportTo(namespaces ...string) ruleBuilder {
	b.Spec.ExportTo = namespaces
	return b
}

func (b ruleBuilder) policy() *networkingapi.TrafficPolicy {
	if b.Spec.TrafficPolicy == nil {
		b.Spec.TrafficPolicy = &networkingapi.TrafficPolicy{}
	}
	return b.Spec.TrafficPolicy
}

func (b ruleBuilder) tls(tls *networkingapi.ClientTLSSettings) ruleBuilder {
	b.policy().Tls = tls
	return b
}

// port adds settings for a port; without tls they set a load balancer only.
func (b ruleBuilder) port(port uint32, tls *networkingapi.ClientTLSSettings) ruleBuilder {
	b.policy().PortLevelSettings = append(b.policy().PortLevelSettings, portSettings(port, tls))
	return b
}

func portSettings(port uint32, tls *networkingapi.ClientTLSSettings) *networkingapi.TrafficPolicy_PortTrafficPolicy {
	return &networkingapi.TrafficPolicy_PortTrafficPolicy{Port: &networkingapi.PortSelector{Number: port}, Tls: tls,
		LoadBalancer: balancer(networkingapi.LoadBalancerSettings_RANDOM)}
}

func (b ruleBuilder) balancer(simple networkingapi.LoadBalancerSettings_SimpleLB) ruleBuilder {
	b.policy().LoadBalancer = balancer(simple)
	return b
}

func balancer(simple networkingapi.LoadBalancerSettings_SimpleLB) *networkingapi.LoadBalancerSettings {
	return &networkingapi.LoadBalancerSettings{LbPolicy: &networkingapi.LoadBalancerSettings_Simple{Simple: simple}}
}

func (b ruleBuilder) subset(name string, policy *networkingapi.TrafficPolicy) ruleBuilder {
	b.Spec.Subsets = append(b.Spec.Subsets, &networkingapi.Subset{Name: name, Labels: labels{"version": name}, TrafficPolicy: policy})
	return b
}

func rules(builders ...ruleBuilder) []*istionetworkingv1.DestinationRule {
	var all []*istionetworkingv1.DestinationRule
	for _, b := range builders {
		all = append(all, b.DestinationRule)
	}
	return all
}

func clientTLS(mode networkingapi.ClientTLSSettings_TLSmode) *networkingapi.ClientTLSSettings {
	return &networkingapi.ClientTLSSettings{Mode: mode}
}

func withCredential(tls *networkingapi.ClientTLSSettings, name string) *networkingapi.ClientTLSSettings {
	tls.CredentialName = name
	return tls
}

// Modes of clients, shorter.
const (
	tlsDisable     = networkingapi.ClientTLSSettings_DISABLE
	tlsSimple      = networkingapi.ClientTLSSettings_SIMPLE
	tlsMutual      = networkingapi.ClientTLSSettings_MUTUAL
	tlsIstioMutual = networkingapi.ClientTLSSettings_ISTIO_MUTUAL
)

// The client and the host that most cases are about.
var (
	caller   = Client{Namespace: "client", Labels: labels{"app": "caller"}, Dataplane: model.DataplaneSidecar}
	payments = model.Host{Name: "payments.shop.svc.cluster.local", Namespace: "shop", Ports: []int32{80, 443}}
)

func workload(namespace string, dataplane model.Dataplane, own labels) *model.Workload {
	return &model.Workload{Namespace: namespace, Example: "pod", Count: 1, Labels: own, Dataplane: dataplane}
}
