package verbatim

import (
	"maps"
	"slices"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"k8s.io/apimachinery/pkg/util/json"
)

// kept is the number under which a message carries, among what protobuf calls its unknown fields, a JSON object with the fields that it
// does not know. It is the highest that there is, and no message of Istio's has it.
const kept protowire.Number = protowire.MaxValidNumber

// Has reports whether the message itself holds fields that it does not know.
func Has(message proto.Message) bool {
	return message.ProtoReflect().IsValid() && len(message.ProtoReflect().GetUnknown()) > 0
}

// Copy gives the message what another one of its kind, or of a kind that says the same, holds and does not know. What the message holds
// itself counts more.
func Copy(from, into proto.Message) {
	if !Has(from) {
		return
	}
	fields := fieldsOf(from.ProtoReflect())
	maps.Copy(fields, fieldsOf(into.ProtoReflect()))
	set(into.ProtoReflect(), fields)
}

// Names returns the fields that the message and those in it do not know, as paths below it, in order.
func Names(message proto.Message) []string {
	var names []string
	each(message.ProtoReflect(), "", func(path string, at protoreflect.Message) {
		for name := range fieldsOf(at) {
			names = append(names, path+name)
		}
	})
	slices.Sort(names)
	return names
}

// Without returns the message without those of the fields that Names returns which are dropped; where none is, itself.
func Without(message proto.Message, drop func(name string) bool) proto.Message {
	if !slices.ContainsFunc(Names(message), drop) {
		return message
	}
	message = proto.Clone(message)
	each(message.ProtoReflect(), "", func(path string, at protoreflect.Message) {
		fields := fieldsOf(at)
		maps.DeleteFunc(fields, func(name string, _ any) bool { return drop(path + name) })
		set(at, fields)
	})
	return message
}

// Keep gives each unknown field to its message.
func Keep(unknown []Unknown, spec proto.Message) {
	for _, u := range unknown {
		if message := messageAt(spec.ProtoReflect(), u.at); message != nil {
			fields := fieldsOf(message)
			fields[u.name] = u.value
			set(message, fields)
		}
	}
}

// messageAt follows the steps to a message; nil: it is not there.
func messageAt(message protoreflect.Message, steps []string) protoreflect.Message {
	for len(steps) > 0 {
		field := fieldOf(message.Descriptor(), steps[0])
		if !message.Has(field) {
			return nil
		}
		value := message.Get(field)
		taken := 1
		switch {
		case field.IsMap():
			value, taken = value.Map().Get(mapKey(field, steps[1])), 2
		case field.IsList():
			at, _ := strconv.Atoi(steps[1]) // a place that split has written
			value, taken = value.List().Get(at), 2
		}
		message, steps = value.Message(), steps[taken:]
	}
	return message
}

// mapKey returns the key of a map of messages: Istio's are text, or numbers of ports.
func mapKey(field protoreflect.FieldDescriptor, text string) protoreflect.MapKey {
	if field.MapKey().Kind() == protoreflect.StringKind {
		return protoreflect.ValueOfString(text).MapKey()
	}
	number, _ := strconv.ParseUint(text, 10, 32) // the decoder has taken it for a key
	return protoreflect.ValueOfUint32(uint32(number)).MapKey()
}

// fieldsOf returns what the message carries; empty: nothing.
func fieldsOf(message protoreflect.Message) map[string]any {
	fields := map[string]any{}
	number, _, n := protowire.ConsumeTag(message.GetUnknown())
	if n < 0 || number != kept {
		return fields
	}
	if text, n := protowire.ConsumeBytes(message.GetUnknown()[n:]); n >= 0 {
		_ = json.Unmarshal(text, &fields) // set wrote it
	}
	return fields
}

// set makes the message carry the fields. The names in the text are in order, so that the same fields are the same bytes.
func set(message protoreflect.Message, fields map[string]any) {
	if len(fields) == 0 {
		message.SetUnknown(nil)
		return
	}
	text, err := json.Marshal(fields)
	if err != nil {
		return // what was read as JSON can be written as JSON
	}
	carried := protowire.AppendTag(nil, kept, protowire.BytesType)
	message.SetUnknown(protowire.AppendBytes(carried, text))
}
