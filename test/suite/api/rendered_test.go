package api_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/test/controlplane"
)

var _ = Describe("What is rendered", func() {
	It("is taken by an API server with Istio's CRDs, in every golden pair", func(ctx context.Context) {
		objects := renderedObjects()
		Expect(len(objects)).To(BeNumerically(">", 100))
		for _, object := range objects {
			namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: object.GetNamespace()}}
			Expect(client.IgnoreAlreadyExists(cluster.Create(ctx, namespace))).To(Succeed())
			object.SetOwnerReferences(nil) // the policies are not there
			err := cluster.Create(ctx, object, client.DryRunAll, client.FieldValidation(metav1.FieldValidationStrict))
			Expect(err).NotTo(HaveOccurred(), "%s %s/%s", object.GetKind(), object.GetNamespace(), object.GetName())
		}
	})
})

// renderedObjects returns the Istio objects of all golden outputs.
func renderedObjects() []*unstructured.Unstructured {
	GinkgoHelper()
	root, err := controlplane.Root()
	Expect(err).NotTo(HaveOccurred())
	outputs, err := filepath.Glob(filepath.Join(root, "internal", "compile", "testdata", "*", "*.out.yaml"))
	Expect(err).NotTo(HaveOccurred())
	var objects []*unstructured.Unstructured
	for _, output := range outputs {
		text, err := os.ReadFile(output)
		Expect(err).NotTo(HaveOccurred())
		decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), len(text))
		for {
			var object unstructured.Unstructured
			err := decoder.Decode(&object.Object)
			if errors.Is(err, io.EOF) {
				break
			}
			Expect(err).NotTo(HaveOccurred(), output)
			if strings.Contains(object.GetAPIVersion(), "istio.io/") {
				objects = append(objects, &object)
			}
		}
	}
	return objects
}
