package install

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/test/controlplane"
)

// output returns what a Go tool of a module of the repository prints.
func output(module string, arguments ...string) []byte {
	GinkgoHelper()
	text, err := tryTool(module, arguments...)
	Expect(err).NotTo(HaveOccurred())
	return text
}

// tryTool returns what a Go tool of a module of the repository prints, or what it complains of.
func tryTool(module string, arguments ...string) ([]byte, error) {
	GinkgoHelper()
	command := exec.Command("go", append([]string{"-C", path(module)}, arguments...)...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	text, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", command, err, &stderr)
	}
	return text, nil
}

// path returns the absolute path of a folder of the repository.
func path(folder string) string {
	GinkgoHelper()
	root, err := controlplane.Root()
	Expect(err).NotTo(HaveOccurred())
	return filepath.Join(root, filepath.FromSlash(folder))
}

// kustomize returns what kustomize makes of a folder.
func kustomize(folder string) []*unstructured.Unstructured {
	GinkgoHelper()
	return objects(output("internal/tools", "tool", "kustomize", "build", path(folder)))
}

// objects returns the objects of a stream of documents.
func objects(stream []byte) []*unstructured.Unstructured {
	GinkgoHelper()
	var found []*unstructured.Unstructured
	for decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(stream), 4096); ; {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return found
		}
		Expect(err).NotTo(HaveOccurred())
		if len(object.Object) > 0 {
			found = append(found, object)
		}
	}
}

// apply applies an object as kubectl does, and refuses unknown fields.
func apply(ctx SpecContext, object *unstructured.Unstructured, options ...client.ApplyOption) error {
	options = append(options, client.FieldOwner("kubectl"))
	return admin.Apply(ctx, client.ApplyConfigurationFromUnstructured(object.DeepCopy()), options...)
}

// newNamespace is a namespace that goes with the spec, or with the suite.
func newNamespace(ctx SpecContext, name string) {
	GinkgoHelper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	// One of the name, of another spec, may still be going.
	Eventually(func() error { return admin.Create(ctx, namespace) }).Should(Succeed())
	DeferCleanup(func(ctx SpecContext) { Expect(client.IgnoreNotFound(admin.Delete(ctx, namespace))).To(Succeed()) })
}
