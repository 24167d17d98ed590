package source

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshtls/meshtls/internal/model"
)

// Place is where something was written.
type Place struct {
	// File is the path that was read, Document the number of the YAML document in it, and Line that of the file, each counted from 1.
	File     string
	Document int
	Line     int
}

// origin is where an object comes from: a document, and there the item of an item … of a list.
type origin struct {
	document *document
	items    []int
}

// Place says where an object was written: at the field, as far as the manifest has it, or where the object begins. A pod that stands
// for a controller's is where the controller is. Nothing that comes from a cluster has a place.
func (r *Reader) Place(ref model.ObjectRef, field string) (Place, bool) {
	from, ok := r.origins[ref]
	if !ok {
		return Place{}, false
	}
	return Place{File: from.document.file, Document: from.document.number, Line: from.line(field)}, true
}

// line is that of the field or, where that is not written, of what is closest above it.
func (o origin) line(field string) int {
	node, line := o.document.nodes(), 1
	if node != nil {
		line = node.Line
		for _, i := range o.items {
			node, line = child(node, line, "items")
			node, line = child(node, line, strconv.Itoa(i))
		}
		for words := fieldWords(field); node != nil && len(words) > 0; {
			node, line, words = descend(node, line, words)
		}
	}
	return o.document.line + line - 1
}

// descend follows the words as far as one key goes: keys of labels and annotations hold dots.
func descend(node *yaml.Node, line int, words []string) (below *yaml.Node, at int, rest []string) {
	for n := 1; n <= len(words); n++ {
		if below, at := child(node, line, strings.Join(words[:n], ".")); below != nil {
			return below, at, words[n:]
		}
	}
	return nil, line, nil
}

// child returns the value of a key, or the item of a number, and its line; nil, with the line of the parent: there is none.
func child(node *yaml.Node, line int, key string) (below *yaml.Node, at int) {
	switch {
	case node == nil:
	case node.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == key {
				return node.Content[i+1], node.Content[i].Line
			}
		}
	case node.Kind == yaml.SequenceNode:
		if i, err := strconv.Atoi(key); err == nil && i >= 0 && i < len(node.Content) {
			return node.Content[i], node.Content[i].Line
		}
	}
	return nil, line
}

// fieldWords takes a field such as spec.ports[0].name apart into its keys and numbers.
func fieldWords(field string) []string {
	var words []string
	for len(field) > 0 {
		if inner, rest, closed := strings.Cut(field[1:], "]"); field[0] == '[' && closed {
			words, field = append(words, inner), rest
			continue
		}
		field = strings.TrimPrefix(field, ".")
		end := strings.IndexAny(field, ".[")
		if end < 0 {
			return append(words, field)
		}
		words, field = append(words, field[:end]), field[end:]
		if end == 0 {
			return words // two dots in a row, or a bracket that nothing closes
		}
	}
	return words
}

// String is file:line.
func (p Place) String() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }
