package source

import (
	"errors"
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istionetworkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	"google.golang.org/protobuf/proto"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/internal/verbatim"
)

// unknownFields are those of an Istio object's spec that Istio's types do not know. A newer Istio may know them, so the object counts all the
// same, and what is composed from it has them.
type unknownFields []verbatim.Unknown

// takeUnknown takes them out of the fields of an object: Istio's own decoder passes them over.
func takeUnknown(fields map[string]any, object client.Object) unknownFields {
	if spec := specOf(object); spec != nil {
		return verbatim.Split(fields, spec)
	}
	return nil
}

// keptBy gives them to the object, and tells them; nil: there are none.
func (u unknownFields) keptBy(object client.Object) error {
	if len(u) == 0 {
		return nil
	}
	verbatim.Keep(u, specOf(object))
	return u
}

// Error names all of them.
func (u unknownFields) Error() string {
	errs := make([]error, 0, len(u))
	for _, field := range u {
		errs = append(errs, field)
	}
	return errors.Join(errs...).Error()
}

// Whole reports whether all objects were read in spite of the errors: these are about no more than fields that a newer Istio may know.
func Whole(err error) bool {
	if joined, several := err.(interface{ Unwrap() []error }); several {
		return !slices.ContainsFunc(joined.Unwrap(), func(err error) bool { return !Whole(err) })
	}
	var unknown unknownFields
	return errors.As(err, &unknown)
}

// specOf returns the spec of an object of Istio's; nil: it is none.
func specOf(object client.Object) proto.Message {
	switch typed := object.(type) {
	case *istionetworkingv1.ServiceEntry:
		return &typed.Spec
	case *istionetworkingv1.VirtualService:
		return &typed.Spec
	case *istionetworkingv1.WorkloadEntry:
		return &typed.Spec
	case *istionetworkingv1.Sidecar:
		return &typed.Spec
	case *istionetworkingv1alpha3.EnvoyFilter:
		return &typed.Spec
	case *istiosecurityv1.AuthorizationPolicy:
		return &typed.Spec
	default:
		return verbatim.SpecOf(object)
	}
}
