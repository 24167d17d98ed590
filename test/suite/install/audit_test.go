package install

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// audited is the namespace of these specs.
const audited = "audited"

// newAuthorizationPolicy denies everybody, in dry-run and as the operator's own unless something else is made of it.
func newAuthorizationPolicy(name string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(schema.GroupVersionKind{Group: security, Version: "v1", Kind: model.KindAuthorizationPolicy})
	object.SetNamespace(audited)
	object.SetName(name)
	object.SetLabels(map[string]string{meshtlsv1alpha1.LabelManagedBy: meshtlsv1alpha1.ManagedBy})
	object.SetAnnotations(map[string]string{model.AnnotationDryRun: "true"})
	object.Object["spec"] = map[string]any{"action": "DENY", "rules": []any{map[string]any{}}}
	return object
}

var _ = Describe("The operator's right to AuthorizationPolicies", func() {
	var operator client.Client

	BeforeEach(func(ctx SpecContext) {
		newNamespace(ctx, audited)
		for _, object := range kustomize("config/overlays/audit") {
			if object.GetName() == "meshtls-audit" {
				Expect(apply(ctx, object)).To(Succeed())
				DeferCleanup(func(ctx SpecContext) { Expect(client.IgnoreNotFound(admin.Delete(ctx, object))).To(Succeed()) })
			}
		}
		config := rest.CopyConfig(plane.Config)
		config.Impersonate = rest.ImpersonationConfig{UserName: "system:serviceaccount:" + operatorNamespace + ":meshtls-manager"}
		as, err := client.New(config, client.Options{})
		Expect(err).NotTo(HaveOccurred())
		operator = as
	})

	It("is for those in dry-run, and of its own", func(ctx SpecContext) {
		enforcing := func(name string) func() error {
			return func() error {
				object := newAuthorizationPolicy(name)
				object.SetAnnotations(nil)
				return operator.Create(ctx, object)
			}
		}
		expectRefused(enforcing("refuses"), "the operator writes AuthorizationPolicies in dry-run only")
		allowing := newAuthorizationPolicy("allows")
		allowing.Object["spec"] = map[string]any{"action": "ALLOW", "rules": []any{map[string]any{}}}
		Expect(operator.Create(ctx, allowing)).To(MatchError(ContainSubstring("in dry-run only")))

		own := newAuthorizationPolicy("own")
		Expect(operator.Create(ctx, own)).To(Succeed())
		stripped := []byte(`{"metadata":{"annotations":{"istio.io/dry-run":null}}}`)
		Expect(operator.Patch(ctx, own.DeepCopy(), client.RawPatch("application/merge-patch+json", stripped))).To(Satisfy(apierrors.IsForbidden))
		Expect(operator.Delete(ctx, own)).To(Succeed())

		theirs := newAuthorizationPolicy("theirs")
		theirs.SetLabels(nil)
		Expect(admin.Create(ctx, theirs)).To(Succeed())
		Expect(operator.Delete(ctx, theirs.DeepCopy())).To(MatchError(ContainSubstring("of its own")))
		Expect(operator.Patch(ctx, theirs.DeepCopy(), client.RawPatch("application/merge-patch+json",
			[]byte(`{"metadata":{"labels":{"app.kubernetes.io/managed-by":"meshtls"}}}`)))).To(MatchError(ContainSubstring("of its own")))
	})

	It("binds nobody else", func(ctx SpecContext) {
		object := newAuthorizationPolicy("of-an-admin")
		object.SetAnnotations(nil)
		Expect(admin.Create(ctx, object)).To(Succeed())
		Expect(admin.Delete(ctx, object)).To(Succeed())
	})
})
