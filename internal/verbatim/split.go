package verbatim

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"google.golang.org/protobuf/reflect/protoreflect"
	"k8s.io/apimachinery/pkg/util/sets"
)

// Unknown is a field of a spec that its message does not know, or one whose value is none of those that the message knows.
type Unknown struct {
	// at leads from the spec to the message: names of fields, keys of maps, places in lists.
	at    []string
	name  string
	value any
	// known: the field is known, and its value is not.
	known bool
}

// Error says what is unknown.
func (u Unknown) Error() string {
	if u.known {
		return fmt.Sprintf("unknown value %v of field %q", u.value, u.Path())
	}
	return fmt.Sprintf("unknown field %q", u.Path())
}

// Path returns the field as users write it: spec.trafficPolicy.portLevelSettings[0].new.
func (u Unknown) Path() string {
	path := "spec"
	for _, step := range append(slices.Clone(u.at), u.name) {
		if _, err := strconv.Atoi(step); err == nil {
			path += "[" + step + "]"
		} else {
			path += "." + step
		}
	}
	return path
}

// split takes out of the content of a spec what the message does not know, and returns it in the order of the paths.
func split(content map[string]any, message protoreflect.MessageDescriptor) []Unknown {
	s := splitting{}
	s.message(nil, content, message)
	return s.found
}

type splitting struct{ found []Unknown }

func (s *splitting) message(at []string, content map[string]any, message protoreflect.MessageDescriptor) {
	if message.ParentFile().Package() == "google.protobuf" {
		return // has a JSON form of its own
	}
	for _, name := range slices.Sorted(maps.Keys(content)) {
		known := fieldOf(message, name)
		if known == nil || hasUnknownName(content[name], known) {
			s.found = append(s.found, Unknown{at: at, name: name, value: content[name], known: known != nil})
			delete(content, name)
			continue
		}
		s.below(append(slices.Clone(at), name), content[name], known)
	}
}

// below looks into a field's messages. Values of the wrong type are the decoder's business.
func (s *splitting) below(at []string, value any, known protoreflect.FieldDescriptor) {
	message := known.Message()
	if known.IsMap() {
		message = known.MapValue().Message()
	}
	if message == nil {
		return
	}
	switch typed := value.(type) {
	case []any:
		for i, item := range typed {
			s.element(append(slices.Clone(at), strconv.Itoa(i)), item, message)
		}
	case map[string]any:
		if !known.IsMap() {
			s.message(at, typed, message)
			return
		}
		for _, key := range slices.Sorted(maps.Keys(typed)) {
			s.element(append(slices.Clone(at), key), typed[key], message)
		}
	}
}

func (s *splitting) element(at []string, value any, message protoreflect.MessageDescriptor) {
	if content, ok := value.(map[string]any); ok {
		s.message(at, content, message)
	}
}

func fieldOf(message protoreflect.MessageDescriptor, name string) protoreflect.FieldDescriptor {
	if known := message.Fields().ByJSONName(name); known != nil {
		return known
	}
	return message.Fields().ByTextName(name)
}

// decisive are the messages of which every value must be understood: one that is left out would be read as their zero value.
var decisive = sets.New[protoreflect.Name]("ClientTLSSettings", "ServerTLSSettings", "MutualTLS")

// hasUnknownName reports whether the value, or one in the list, is none of the names of the field's enumeration. One such name would make the
// decoder refuse the object, and a cache the kind.
func hasUnknownName(value any, known protoreflect.FieldDescriptor) bool {
	enum := known.Enum()
	if enum == nil || decisive.Has(known.ContainingMessage().Name()) {
		return false
	}
	unknown := func(value any) bool {
		name, isName := value.(string)
		return isName && enum.Values().ByName(protoreflect.Name(name)) == nil
	}
	if list, isList := value.([]any); isList {
		return slices.ContainsFunc(list, unknown)
	}
	return unknown(value)
}
