package api_test

import (
	"context"
	"testing"

	"github.com/go-logr/logr"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/test/controlplane"
)

var (
	plane   *controlplane.ControlPlane
	cluster client.Client
)

func TestAPI(t *testing.T) {
	ctrl.SetLogger(logr.Discard())
	RegisterFailHandler(Fail)
	RunSpecs(t, "API")
}

var _ = BeforeSuite(func(ctx context.Context) {
	var err error
	// The control plane outlives the node's context, which ends with the node.
	plane, err = controlplane.Start(context.WithoutCancel(ctx), controlplane.Options{
		CRDs: []string{"config/crd/bases"},
	})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(plane.Stop)
	cluster, err = client.New(plane.Config, client.Options{})
	Expect(err).NotTo(HaveOccurred())
})

// policy returns a policy with a spec that is written as YAML.
func policy(name, spec string) *unstructured.Unstructured {
	GinkgoHelper()
	var content map[string]any
	Expect(yaml.UnmarshalStrict([]byte(spec), &content)).To(Succeed(), "the YAML of the spec:\n%s", spec)
	object := &unstructured.Unstructured{Object: map[string]any{"spec": content}}
	object.SetGroupVersionKind(meshtlsv1alpha1.GroupVersion.WithKind("MeshTLSPolicy"))
	object.SetNamespace(metav1.NamespaceDefault)
	object.SetName(name)
	return object
}

// submit asks the API server to admit a policy with the spec, without keeping it, and returns what would have been kept.
func submit(ctx context.Context, spec string) (*unstructured.Unstructured, error) {
	GinkgoHelper()
	object := policy("policy", spec)
	err := cluster.Create(ctx, object, client.DryRunAll, client.FieldValidation(metav1.FieldValidationStrict))
	return object, err
}
