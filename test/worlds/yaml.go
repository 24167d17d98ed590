package worlds

import (
	"bytes"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/yaml"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istionetworkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// scheme knows the kinds of a world.
var scheme = Scheme()

// Scheme knows the kinds of Kubernetes, Istio and ours by the types that they have where they come from, unlike the operator's.
func Scheme() *runtime.Scheme {
	s := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(s))
	utilruntime.Must(meshtlsv1alpha1.AddToScheme(s))
	utilruntime.Must(istionetworkingv1.AddToScheme(s))
	utilruntime.Must(istionetworkingv1alpha3.AddToScheme(s))
	utilruntime.Must(istiosecurityv1.AddToScheme(s))
	return s
}

// Manifest returns the object as a file holds it: with its kind, without a status.
func Manifest(o client.Object) (map[string]any, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		return nil, fmt.Errorf("converting %T %s: %w", o, o.GetName(), err)
	}
	gvk, err := apiutil.GVKForObject(o, scheme)
	if err != nil {
		return nil, fmt.Errorf("naming the kind of %T: %w", o, err)
	}
	content["apiVersion"], content["kind"] = gvk.ToAPIVersionAndKind()
	delete(content, "status")
	return content, nil
}

// YAML returns the objects as a stream of documents.
func YAML(objects []client.Object) ([]byte, error) {
	var stream bytes.Buffer
	for _, o := range objects {
		content, err := Manifest(o)
		if err != nil {
			return nil, err
		}
		document, err := yaml.Marshal(content)
		if err != nil {
			return nil, fmt.Errorf("writing %T %s: %w", o, o.GetName(), err)
		}
		stream.WriteString("---\n")
		stream.Write(document)
	}
	return stream.Bytes(), nil
}
