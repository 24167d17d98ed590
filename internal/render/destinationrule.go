package render

import (
	"google.golang.org/protobuf/types/known/wrapperspb"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	networkingapi "istio.io/api/networking/v1alpha3"
	typeapi "istio.io/api/type/v1beta1"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

var destinationRuleType = metav1.TypeMeta{
	APIVersion: istionetworkingv1.SchemeGroupVersion.String(), Kind: model.KindDestinationRule,
}

// destinationRule writes down what clients send to a host.
func destinationRule(namespace string, r *model.SendRule) *istionetworkingv1.DestinationRule {
	object := &istionetworkingv1.DestinationRule{
		TypeMeta:   destinationRuleType,
		ObjectMeta: identity{namespace, sendName(r), r.Revision, r.Owners}.objectMeta(),
	}
	object.Spec.Host = r.Host
	object.Spec.TrafficPolicy = trafficPolicy(r)
	object.Spec.ExportTo = exportTo(r)
	if r.Audience == model.AudienceWorkload {
		object.Spec.WorkloadSelector = &typeapi.WorkloadSelector{MatchLabels: r.Selector}
	}
	return object
}

// exportTo limits the rule to its own namespace, unless it is for every client or takes the companion's form. With a workload
// selector Istio allows nothing else.
func exportTo(r *model.SendRule) []string {
	if r.Audience == model.AudienceAll || (r.Audience == model.AudienceNamespace && r.Export) {
		return nil
	}
	return []string{"."}
}

func trafficPolicy(r *model.SendRule) *networkingapi.TrafficPolicy {
	policy := &networkingapi.TrafficPolicy{Tls: clientTLS(&r.TLS)}
	for i := range r.Ports {
		if setting := portLevelSetting(&r.Ports[i], policy.Tls); setting != nil {
			policy.PortLevelSettings = append(policy.PortLevelSettings, setting)
		}
	}
	if policy.Tls == nil && len(policy.PortLevelSettings) == 0 {
		return nil
	}
	return policy
}

// portLevelSetting is the exception of a single port; nil where Istio decides about the port and there is nothing to be excepted from.
// Istio takes a port's entry instead of the whole destination level, so that an entry without tls leaves the decision to Istio;
// but it refuses one that says nothing at all, and an unspecified load balancer is what an entry has anyhow.
// Source: istio pilot/pkg/networking/util, GetPortLevelTrafficPolicy; pkg/config/validation, validatePortTrafficPolicies.
func portLevelSetting(p *model.PortTLS, destination *networkingapi.ClientTLSSettings) *networkingapi.TrafficPolicy_PortTrafficPolicy {
	tls := clientTLS(&p.TLS)
	if tls == nil && destination == nil {
		return nil
	}
	setting := &networkingapi.TrafficPolicy_PortTrafficPolicy{Port: &networkingapi.PortSelector{Number: portNumber(p.Port)}, Tls: tls}
	if tls == nil {
		setting.LoadBalancer = &networkingapi.LoadBalancerSettings{
			LbPolicy: &networkingapi.LoadBalancerSettings_Simple{Simple: networkingapi.LoadBalancerSettings_UNSPECIFIED},
		}
	}
	return setting
}

var clientModes = map[meshtlsv1alpha1.SendMode]networkingapi.ClientTLSSettings_TLSmode{
	meshtlsv1alpha1.SendDisable:     networkingapi.ClientTLSSettings_DISABLE,
	meshtlsv1alpha1.SendSimple:      networkingapi.ClientTLSSettings_SIMPLE,
	meshtlsv1alpha1.SendMutual:      networkingapi.ClientTLSSettings_MUTUAL,
	meshtlsv1alpha1.SendIstioMutual: networkingapi.ClientTLSSettings_ISTIO_MUTUAL,
}

// clientTLS are a level's settings; nil where Istio decides (Auto) and where nothing was said.
func clientTLS(t *meshtlsv1alpha1.ClientTLS) *networkingapi.ClientTLSSettings {
	mode, said := clientModes[t.Mode]
	if !said {
		return nil
	}
	settings := &networkingapi.ClientTLSSettings{
		Mode:              mode,
		ClientCertificate: t.ClientCertificate,
		PrivateKey:        t.PrivateKey,
		CaCertificates:    t.CACertificates,
		CaCrl:             t.CACRL,
		CredentialName:    t.CredentialName,
		SubjectAltNames:   t.SubjectAltNames,
		Sni:               t.SNI,
	}
	if t.InsecureSkipVerify != nil {
		settings.InsecureSkipVerify = wrapperspb.Bool(*t.InsecureSkipVerify)
	}
	return settings
}
