package render

import (
	"google.golang.org/protobuf/types/known/wrapperspb"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	networkingapi "istio.io/api/networking/v1alpha3"
	typeapi "istio.io/api/type/v1beta1"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/verbatim"
)

var destinationRuleType = metav1.TypeMeta{
	APIVersion: istionetworkingv1.SchemeGroupVersion.String(), Kind: model.KindDestinationRule,
}

// destinationRule writes down what clients send to a host.
func destinationRule(at place, r *model.SendRule) *istionetworkingv1.DestinationRule {
	object := &istionetworkingv1.DestinationRule{
		TypeMeta:   destinationRuleType,
		ObjectMeta: identity{at.namespace, sendName(r), r.Revision, r.Owners}.objectMeta(),
	}
	if r.Base != nil {
		verbatim.Copy(r.Base, &object.Spec)
	}
	object.Spec.Host = r.Host
	object.Spec.TrafficPolicy, object.Spec.Subsets = composed(r)
	object.Spec.ExportTo = r.ExportTo
	if r.Audience == model.AudienceWorkload {
		object.Spec.WorkloadSelector = &typeapi.WorkloadSelector{MatchLabels: r.Selector}
	}
	return object
}

var clientModes = map[meshtlsv1alpha1.SendMode]networkingapi.ClientTLSSettings_TLSmode{
	meshtlsv1alpha1.SendDisable:     networkingapi.ClientTLSSettings_DISABLE,
	meshtlsv1alpha1.SendSimple:      networkingapi.ClientTLSSettings_SIMPLE,
	meshtlsv1alpha1.SendMutual:      networkingapi.ClientTLSSettings_MUTUAL,
	meshtlsv1alpha1.SendIstioMutual: networkingapi.ClientTLSSettings_ISTIO_MUTUAL,
}

// clientTLS returns a level's settings; nil where Istio decides (Auto) and where nothing was said.
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
