package model

import (
	"maps"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// annotationUndecoded is a name that no API server lets an annotation have, so that nobody can give it to an object.
const annotationUndecoded = "not decoded:"

// Undecoded is an object of which nothing is known but that it is there: what is stored is not what the types of its kind expect.
type Undecoded struct {
	ObjectRef
	// Problem is what the decoder says.
	Problem string
}

// MarkUndecoded notes at the object that the rest of it could not be decoded, and why.
func MarkUndecoded(object metav1.Object, why string) {
	annotations := maps.Clone(object.GetAnnotations())
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[annotationUndecoded] = why
	object.SetAnnotations(annotations)
}

// UndecodedBecause returns why the object is there with its metadata alone; ok says whether it is.
func UndecodedBecause(object metav1.Object) (why string, ok bool) {
	why, ok = object.GetAnnotations()[annotationUndecoded]
	return why, ok
}
