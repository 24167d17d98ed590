package source

import (
	"fmt"
	"maps"
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istionetworkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// unknownSpecFields names the fields of an Istio object's spec that Istio does not know: its own decoder passes them over.
func unknownSpecFields(fields map[string]any, object client.Object) []error {
	spec, ok := fields["spec"].(map[string]any)
	message := specOf(object)
	if !ok || message == nil {
		return nil
	}
	return unknownFields("spec", spec, message.ProtoReflect().Descriptor())
}

func specOf(object client.Object) proto.Message {
	switch typed := object.(type) {
	case *istiosecurityv1.PeerAuthentication:
		return &typed.Spec
	case *istionetworkingv1.DestinationRule:
		return &typed.Spec
	case *istionetworkingv1.Gateway:
		return &typed.Spec
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
		return nil
	}
}

func unknownFields(path string, value map[string]any, message protoreflect.MessageDescriptor) []error {
	if message.ParentFile().Package() == "google.protobuf" {
		return nil // has a JSON form of its own
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(value)) {
		at := path + "." + name
		if known := fieldOf(message, name); known == nil {
			errs = append(errs, fmt.Errorf("unknown field %q", at))
		} else {
			errs = append(errs, unknownBelow(at, value[name], known)...)
		}
	}
	return errs
}

func fieldOf(message protoreflect.MessageDescriptor, name string) protoreflect.FieldDescriptor {
	if known := message.Fields().ByJSONName(name); known != nil {
		return known
	}
	return message.Fields().ByTextName(name)
}

// unknownBelow looks into a field's messages. Values of the wrong type are the decoder's business.
func unknownBelow(path string, value any, known protoreflect.FieldDescriptor) []error {
	message := known.Message()
	if known.IsMap() {
		message = known.MapValue().Message()
	}
	if message == nil {
		return nil
	}
	var errs []error
	switch typed := value.(type) {
	case []any:
		for i, item := range typed {
			if below, ok := item.(map[string]any); ok {
				errs = append(errs, unknownFields(fmt.Sprintf("%s[%d]", path, i), below, message)...)
			}
		}
	case map[string]any:
		if !known.IsMap() {
			return unknownFields(path, typed, message)
		}
		for _, key := range slices.Sorted(maps.Keys(typed)) {
			if below, ok := typed[key].(map[string]any); ok {
				errs = append(errs, unknownFields(fmt.Sprintf("%s[%s]", path, key), below, message)...)
			}
		}
	}
	return errs
}
