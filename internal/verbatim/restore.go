package verbatim

import (
	"fmt"
	"strconv"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Restore puts into the content that a spec was written down as what its messages keep, and makes numbers of those that Istio's marshaller
// writes as text, which no API server takes. The content is as that marshaller names it.
func Restore(content map[string]any, spec proto.Message) {
	restore(content, spec.ProtoReflect())
}

func restore(content map[string]any, message protoreflect.Message) {
	for name, value := range fieldsOf(message) {
		content[name] = value
	}
	numbers(content, message.Descriptor().Fields())
	below(message, func(field protoreflect.FieldDescriptor, key any, inner protoreflect.Message) {
		if written := elementOf(content[field.JSONName()], key); written != nil {
			restore(written, inner)
		}
	})
}

// numbers makes numbers of whole numbers of 64 bits.
func numbers(content map[string]any, fields protoreflect.FieldDescriptors) {
	for i := range fields.Len() {
		field := fields.Get(i)
		text, isText := content[field.JSONName()].(string)
		if !isText || field.Kind() != protoreflect.Uint64Kind && field.Kind() != protoreflect.Int64Kind {
			continue
		}
		if number, err := strconv.ParseInt(text, 10, 64); err == nil {
			content[field.JSONName()] = number
		}
	}
}

// elementOf returns what was written for a message: the value of a field (key nil), or what its list or map has under the key.
func elementOf(value, key any) map[string]any {
	switch at := key.(type) {
	case int:
		list, _ := value.([]any)
		value = list[at]
	case string:
		entries, _ := value.(map[string]any)
		value = entries[at]
	}
	content, _ := value.(map[string]any)
	return content
}

// below calls do for each message that a message holds, with the field, and with the place of a list or the key of a map.
func below(message protoreflect.Message, do func(field protoreflect.FieldDescriptor, key any, inner protoreflect.Message)) {
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.IsMap():
			if field.MapValue().Message() != nil {
				value.Map().Range(func(key protoreflect.MapKey, inner protoreflect.Value) bool {
					do(field, key.String(), inner.Message())
					return true
				})
			}
		case field.Message() == nil:
		case field.IsList():
			for i := range value.List().Len() {
				do(field, i, value.List().Get(i).Message())
			}
		default:
			do(field, nil, value.Message())
		}
		return true
	})
}

// each calls do for the message and for those in it, with the path that leads there.
func each(message protoreflect.Message, path string, do func(path string, message protoreflect.Message)) {
	do(path, message)
	below(message, func(field protoreflect.FieldDescriptor, key any, inner protoreflect.Message) {
		step := path + field.JSONName()
		if key != nil {
			step += fmt.Sprintf("[%v]", key)
		}
		each(inner, step+".", do)
	})
}
