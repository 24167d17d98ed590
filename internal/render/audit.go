package render

import (
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	securityapi "istio.io/api/security/v1beta1"
	typeapi "istio.io/api/type/v1beta1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	"github.com/meshtls/meshtls/internal/model"
)

var authorizationPolicyType = metav1.TypeMeta{
	APIVersion: istiosecurityv1.SchemeGroupVersion.String(), Kind: model.KindAuthorizationPolicy,
}

// anybody is every principal: a client without the mesh's mutual TLS is none.
const anybody = "*"

// audit writes down whom Strict would refuse, for sidecars to count. The annotation makes it harmless, so there is no way to an
// AuthorizationPolicy without it. Istio's source for what it does: pilot/pkg/security/authz/builder.
func audit(at place, r *model.AuditRule) *istiosecurityv1.AuthorizationPolicy {
	object := &istiosecurityv1.AuthorizationPolicy{
		TypeMeta:   authorizationPolicyType,
		ObjectMeta: identity{at.namespace, auditName(r), r.Revision, r.Owners}.objectMeta(),
	}
	object.Annotations = map[string]string{model.AnnotationDryRun: "true"}
	object.Spec.Selector = &typeapi.WorkloadSelector{MatchLabels: r.Selector}
	object.Spec.Action = securityapi.AuthorizationPolicy_DENY
	object.Spec.Rules = []*securityapi.Rule{{
		From: []*securityapi.Rule_From{{Source: &securityapi.Source{NotPrincipals: []string{anybody}}}},
		To:   []*securityapi.Rule_To{{Operation: &securityapi.Operation{Ports: portTexts(r.Ports)}}},
	}}
	return object
}

func portTexts(ports []int32) []string {
	texts := make([]string, len(ports))
	for i, port := range ports {
		texts[i] = strconv.Itoa(int(port))
	}
	return texts
}
