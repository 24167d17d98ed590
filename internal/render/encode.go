package render

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/json"

	"github.com/meshtls/meshtls/internal/verbatim"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
)

// Encode returns the object as it is sent and printed, in the form that unstructured objects hold: apiVersion, kind, the metadata that
// is ours, and the spec with what Istio's marshaller leaves out although a reader needs it. The object is one of the kinds
// that are rendered.
func Encode(object metav1.Object) (map[string]any, error) {
	content, err := encode(object)
	if err != nil {
		return nil, fmt.Errorf("encoding %s/%s: %w", object.GetNamespace(), object.GetName(), err)
	}
	return content, nil
}

func encode(object metav1.Object) (map[string]any, error) {
	switch o := object.(type) {
	case *istiosecurityv1.PeerAuthentication:
		spec, err := specOf(&o.Spec)
		return contentOf(peerAuthenticationType, o.ObjectMeta, spec), err
	case *istionetworkingv1.DestinationRule:
		spec, err := specOf(&o.Spec)
		spellOutClientModes(spec)
		return contentOf(destinationRuleType, o.ObjectMeta, spec), err
	case *istionetworkingv1.Gateway:
		spec, err := specOf(&o.Spec)
		spellOutServerModes(spec)
		return contentOf(gatewayType, o.ObjectMeta, spec), err
	case *istiosecurityv1.AuthorizationPolicy:
		spec, err := specOf(&o.Spec)
		return contentOf(authorizationPolicyType, o.ObjectMeta, spec), err
	default:
		return nil, fmt.Errorf("%T is no kind that is rendered", object)
	}
}

// written is a spec of Istio's.
type written interface {
	proto.Message
	MarshalJSON() ([]byte, error)
}

// specOf goes through JSON, the one form that a spec and an unstructured object share. What the spec took over from a base and Istio's
// types do not know is written as it was read.
func specOf(spec written) (map[string]any, error) {
	text, err := spec.MarshalJSON()
	if err != nil {
		return nil, err
	}
	var content map[string]any
	if err := json.Unmarshal(text, &content); err != nil {
		return nil, err
	}
	verbatim.Restore(content, spec)
	return content, nil
}

func contentOf(kind metav1.TypeMeta, meta metav1.ObjectMeta, spec map[string]any) map[string]any {
	metadata := map[string]any{"name": meta.Name, "namespace": meta.Namespace}
	if len(meta.Labels) > 0 {
		metadata["labels"] = asContent(meta.Labels)
	}
	if len(meta.Annotations) > 0 {
		metadata["annotations"] = asContent(meta.Annotations)
	}
	if owners := ownerContent(meta.OwnerReferences); len(owners) > 0 {
		metadata["ownerReferences"] = owners
	}
	return map[string]any{"apiVersion": kind.APIVersion, "kind": kind.Kind, "metadata": metadata, "spec": spec}
}

func asContent(labels map[string]string) map[string]any {
	content := make(map[string]any, len(labels))
	for key, value := range labels {
		content[key] = value
	}
	return content
}

// ownerContent leaves out owners without a UID: those were read from files, and no API server takes a reference to them.
func ownerContent(references []metav1.OwnerReference) []any {
	var content []any
	for _, r := range references {
		if r.UID != "" {
			content = append(content, map[string]any{
				"apiVersion": r.APIVersion, "kind": r.Kind, "name": r.Name, "uid": string(r.UID),
			})
		}
	}
	return content
}

// spellOutClientModes states the mode of every tls of a DestinationRule: an absent one is DISABLE.
func spellOutClientModes(spec map[string]any) {
	spellOutPolicyModes(spec)
	for _, subset := range mapsIn(spec, "subsets") {
		spellOutPolicyModes(subset)
	}
}

func spellOutPolicyModes(holder map[string]any) {
	policy, ok := holder["trafficPolicy"].(map[string]any)
	if !ok {
		return
	}
	spellOutMode(policy, "DISABLE")
	for _, port := range mapsIn(policy, "portLevelSettings") {
		spellOutMode(port, "DISABLE")
	}
}

// spellOutServerModes states the mode of every tls of a Gateway: an absent one is PASSTHROUGH.
func spellOutServerModes(spec map[string]any) {
	for _, server := range mapsIn(spec, "servers") {
		spellOutMode(server, "PASSTHROUGH")
	}
}

// spellOutMode gives the tls that the message holds, if it holds one, the mode that an absent mode means.
func spellOutMode(holder map[string]any, zero string) {
	tls, ok := holder["tls"].(map[string]any)
	if !ok {
		return
	}
	if _, said := tls["mode"]; !said {
		tls["mode"] = zero
	}
}

// mapsIn returns the elements of a list of messages.
func mapsIn(holder map[string]any, list string) []map[string]any {
	elements, _ := holder[list].([]any)
	contents := make([]map[string]any, 0, len(elements))
	for _, element := range elements {
		if content, ok := element.(map[string]any); ok {
			contents = append(contents, content)
		}
	}
	return contents
}
