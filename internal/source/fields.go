package source

import (
	"errors"
	"fmt"
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istionetworkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	"google.golang.org/protobuf/proto"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/internal/verbatim"
)

// unknownFields are those of an Istio object that are unknown. A newer Istio may know them, so the object counts all the same.
type unknownFields struct {
	// kept are those of the spec that Istio's types do not know. What is composed from the object has them.
	kept []verbatim.Unknown
	// dropped are the paths of those that the types know, or that are not in the spec, and that the CRD has not: an API server drops them.
	dropped []string
}

// keptBy gives them to the spec of the object, and tells them; nil: there are none.
func (u unknownFields) keptBy(spec proto.Message) error {
	if len(u.kept)+len(u.dropped) == 0 {
		return nil
	}
	verbatim.Keep(u.kept, spec)
	return u
}

// Error names all of them.
func (u unknownFields) Error() string {
	errs := make([]error, 0, len(u.kept)+len(u.dropped))
	for _, field := range u.kept {
		errs = append(errs, field)
	}
	for _, path := range u.dropped {
		errs = append(errs, fmt.Errorf("unknown field %q", path))
	}
	return errors.Join(errs...).Error()
}

// field is the first of them.
func (u unknownFields) field() string {
	if len(u.kept) > 0 {
		return u.kept[0].Path()
	}
	return u.dropped[0]
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
