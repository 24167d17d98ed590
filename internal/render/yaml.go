package render

import (
	"bytes"
	"cmp"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/meshtls/meshtls/internal/model"
)

// YAML returns the objects as a stream of documents, ordered by kind, namespace and name. They may be of several namespaces.
func YAML(o model.Objects) ([]byte, error) {
	var stream bytes.Buffer
	for _, object := range inOrder(o) {
		content, err := Encode(object)
		if err != nil {
			return nil, err
		}
		document, err := yaml.Marshal(content)
		if err != nil {
			return nil, err
		}
		if stream.Len() > 0 {
			stream.WriteString("---\n")
		}
		stream.Write(document)
	}
	return stream.Bytes(), nil
}

// inOrder lists the objects by kind (the kinds in alphabetical order), namespace and name.
func inOrder(o model.Objects) []metav1.Object {
	ordered := make([]metav1.Object, 0, o.Len())
	ordered = appendOrdered(ordered, o.AuthorizationPolicies)
	ordered = appendOrdered(ordered, o.DestinationRules)
	ordered = appendOrdered(ordered, o.Gateways)
	return appendOrdered(ordered, o.PeerAuthentications)
}

func appendOrdered[O metav1.Object](all []metav1.Object, objects []O) []metav1.Object {
	sorted := slices.SortedFunc(slices.Values(objects), func(a, b O) int {
		return cmp.Or(cmp.Compare(a.GetNamespace(), b.GetNamespace()), cmp.Compare(a.GetName(), b.GetName()))
	})
	for _, object := range sorted {
		all = append(all, object)
	}
	return all
}
