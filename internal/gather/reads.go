package gather

import (
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Read is a question that a snapshot is made of: which objects of the kind there are, in the namespace, of the name, or with the value in
// the field of one of the Indexes. What is empty does not narrow it.
type Read struct {
	Kind            string
	Namespace, Name string
	Field, Value    string
}

// questionOf returns what the options of a list ask.
func questionOf(kind string, options []client.ListOption) question {
	list := (&client.ListOptions{}).ApplyOptions(options)
	asked := question{Read: Read{Kind: kind, Namespace: list.Namespace}}
	if list.FieldSelector != nil {
		for _, requirement := range list.FieldSelector.Requirements() {
			asked.Field, asked.Value = requirement.Field, requirement.Value
		}
	}
	if list.LabelSelector != nil {
		asked.labels = list.LabelSelector.String()
	}
	return asked
}

// ReadsOf returns the reads whose answer the object is part of: a snapshot depends on the object if one of them was made for it.
func ReadsOf(kind string, object client.Object) []Read {
	namespace := object.GetNamespace()
	reads := []Read{{Kind: kind}, {Kind: kind, Namespace: namespace, Name: object.GetName()}}
	if namespace != "" {
		reads = append(reads, Read{Kind: kind, Namespace: namespace})
	}
	for _, index := range indexesOf[kind] {
		for _, value := range index.Extract(object) {
			reads = append(reads, Read{Kind: kind, Field: index.Field, Value: value})
			if namespace != "" {
				reads = append(reads, Read{Kind: kind, Namespace: namespace, Field: index.Field, Value: value})
			}
		}
	}
	return reads
}

// indexesOf are the Indexes by kind.
var indexesOf = func() map[string][]Index {
	byKind := map[string][]Index{}
	for _, index := range Indexes {
		byKind[index.Kind] = append(byKind[index.Kind], index)
	}
	return byKind
}()

// String reads like "Pod in shop by .metadata.labels app=web".
func (r Read) String() string {
	var words strings.Builder
	words.WriteString(r.Kind)
	if r.Namespace != "" {
		words.WriteString(" in " + r.Namespace)
	}
	if r.Name != "" {
		words.WriteString(" named " + r.Name)
	}
	if r.Field != "" {
		words.WriteString(" by " + r.Field + " " + r.Value)
	}
	return words.String()
}
