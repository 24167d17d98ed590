package verbatim

import (
	"bytes"
	stdjson "encoding/json"

	"google.golang.org/protobuf/proto"
	"k8s.io/apimachinery/pkg/util/json"
)

// Split takes out of an object's fields what the spec of its kind does not know, and returns it in the order of the paths: a decoder passes
// it over or refuses it. Keep puts it into the spec that the rest was decoded into.
func Split(fields map[string]any, spec proto.Message) []Unknown {
	content, _ := fields["spec"].(map[string]any)
	return split(content, spec.ProtoReflect().Descriptor())
}

// unmarshal decodes the text of an object. Most hold nothing that is unknown, and are decoded as they are.
func unmarshal(text []byte, object any, spec proto.Message) error {
	if bytes.Equal(bytes.TrimSpace(text), []byte("null")) {
		return nil
	}
	var whole struct {
		Spec map[string]any `json:"spec"`
	}
	if err := json.Unmarshal(text, &whole); err != nil {
		return err
	}
	unknown := split(whole.Spec, spec.ProtoReflect().Descriptor())
	if len(unknown) == 0 {
		return json.Unmarshal(text, object)
	}
	var fields map[string]stdjson.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return err
	}
	var err error
	if fields["spec"], err = json.Marshal(whole.Spec); err != nil {
		return err
	}
	if text, err = json.Marshal(fields); err != nil {
		return err
	}
	if err := json.Unmarshal(text, object); err != nil {
		return err
	}
	Keep(unknown, spec)
	return nil
}

// marshal encodes an object, with what its spec keeps.
func marshal(object any, spec proto.Message) ([]byte, error) {
	text, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	var whole map[string]any
	if err := json.Unmarshal(text, &whole); err != nil {
		return nil, err
	}
	content, _ := whole["spec"].(map[string]any)
	if content == nil {
		content = map[string]any{}
	}
	Restore(content, spec)
	if len(content) == 0 {
		return text, nil
	}
	whole["spec"] = content
	return json.Marshal(whole)
}
