package install

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var _ = Describe("A release of the Gateway API before the version that Istio reads", func() {
	It("does not keep the operator from being ready", func(ctx SpecContext) {
		installBackendTLSPolicy(ctx, "v1alpha3")
		DeferCleanup(func(ctx SpecContext) { installBackendTLSPolicy(ctx, "v1") })
		account := corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "meshtls-manager"}}
		startOperator(ctx, &account) // which waits until it says that it is ready
	})
})

// installGatewayAPI defines the kinds of the Gateway API that the operator reads, without their schemas: it reads what is there of them.
func installGatewayAPI(ctx SpecContext) {
	GinkgoHelper()
	for plural, kind := range map[string]string{
		"gateways": "Gateway", "grpcroutes": "GRPCRoute", "httproutes": "HTTPRoute", "tcproutes": "TCPRoute", "tlsroutes": "TLSRoute",
	} {
		Expect(apply(ctx, gatewayAPI(plural, kind, "v1"))).To(Succeed())
	}
	Expect(apply(ctx, gatewayAPI("referencegrants", "ReferenceGrant", "v1beta1"))).To(Succeed())
	installBackendTLSPolicy(ctx, "v1")
}

// installBackendTLSPolicy defines the kind in one version, and in no other.
func installBackendTLSPolicy(ctx SpecContext, version string) {
	GinkgoHelper()
	definition := gatewayAPI("backendtlspolicies", "BackendTLSPolicy", version)
	Expect(client.IgnoreNotFound(admin.Delete(ctx, definition.DeepCopy()))).To(Succeed())
	Eventually(func() error { return admin.Get(ctx, client.ObjectKeyFromObject(definition), definition.DeepCopy()) }).
		Should(MatchError(apierrors.IsNotFound, "IsNotFound"))
	Expect(apply(ctx, definition)).To(Succeed())
}

// gatewayAPI returns the CustomResourceDefinition of a kind of the Gateway API that serves one version, without a schema.
func gatewayAPI(plural, kind, version string) *unstructured.Unstructured {
	const group = "gateway.networking.k8s.io"
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": map[string]any{
			"name":        plural + "." + group,
			"annotations": map[string]any{"api-approved.kubernetes.io": "unapproved, for a test"},
		},
		"spec": map[string]any{
			"group": group, "scope": "Namespaced",
			"names": map[string]any{"kind": kind, "listKind": kind + "List", "plural": plural, "singular": strings.ToLower(kind)},
			"versions": []any{map[string]any{
				"name": version, "served": true, "storage": true,
				"schema": map[string]any{"openAPIV3Schema": map[string]any{
					"type": "object", "x-kubernetes-preserve-unknown-fields": true,
				}},
			}},
		},
	}}
}
