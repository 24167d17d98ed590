package worlds

import (
	"fmt"
	"math/rand/v2"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Newer returns the content of a spec as a user of a newer Istio may write it, with fields that the message does not know at every level, and
// the number of these.
func Newer(r *rand.Rand, spec protoreflect.MessageDescriptor) (content map[string]any, unknown int) {
	made := newer{Rand: r}
	content = made.message(spec, newerDepth)
	return content, made.unknown
}

// newerDepth is how deep messages lie in one another.
const newerDepth = 6

// newer is the making of such a content.
type newer struct {
	*rand.Rand
	// unknown is how many fields are unknown so fan.
	unknown int
}

// message returns the content of a message, with what is below it down to a depth.
func (n *newer) message(of protoreflect.MessageDescriptor, depth int) map[string]any {
	content := map[string]any{}
	chosen := map[protoreflect.FullName]bool{}
	for i := range of.Fields().Len() {
		field := of.Fields().Get(i)
		if one := field.ContainingOneof(); one != nil {
			if chosen[one.FullName()] || n.IntN(2) == 0 {
				continue
			}
			chosen[one.FullName()] = true
		}
		if value := n.field(field, depth-1); value != nil {
			content[field.JSONName()] = value
		}
	}
	if n.IntN(2) == 0 {
		n.unknown++
		content[fmt.Sprintf("new%d", n.unknown)] = n.strange()
	}
	return content
}

// strange returns a value as a newer Istio could have: of any form.
func (n *newer) strange() any {
	return [...]any{
		"later", int64(n.IntN(1 << 40)), true, false, 0.5, "", []any{"a", int64(2)},
		map[string]any{"deep": map[string]any{"deeper": []any{map[string]any{"mode": "NEW"}}}},
	}[n.IntN(8)]
}

// field returns a value for the field, or nil for none.
func (n *newer) field(field protoreflect.FieldDescriptor, depth int) any {
	switch {
	case depth < 0 || n.IntN(3) == 0:
		return nil
	case field.IsMap():
		key := "a"
		if field.MapKey().Kind() != protoreflect.StringKind {
			key = "8080"
		}
		if value := n.single(field.MapValue(), depth); value != nil {
			return map[string]any{key: value}
		}
		return nil
	case field.IsList():
		var values []any
		for range 1 + n.IntN(2) {
			if value := n.single(field, depth); value != nil {
				values = append(values, value)
			}
		}
		if values == nil {
			return nil
		}
		return values
	default:
		return n.single(field, depth)
	}
}

// single returns a value that says something: what is as the default says nothing, and a marshaller leaves it out.
func (n *newer) single(field protoreflect.FieldDescriptor, depth int) any {
	switch field.Kind() {
	case protoreflect.BoolKind:
		return true
	case protoreflect.StringKind:
		return "a"
	case protoreflect.EnumKind:
		values := field.Enum().Values()
		if values.Len() == 1 {
			return nil
		}
		return string(values.Get(1 + n.IntN(values.Len()-1)).Name())
	case protoreflect.MessageKind:
		return n.inner(field.Message(), depth)
	default:
		return int64(1 + n.IntN(9))
	}
}

// inner returns the content of a message in another.
func (n *newer) inner(of protoreflect.MessageDescriptor, depth int) any {
	if of.ParentFile().Package() != "google.protobuf" {
		return n.message(of, depth)
	}
	switch of.Name() {
	case "Duration":
		return "3s"
	case "BoolValue":
		return n.IntN(2) == 0
	case "UInt32Value", "DoubleValue":
		return int64(n.IntN(9))
	default:
		return nil
	}
}
