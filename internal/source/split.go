package source

import (
	"bytes"
	"errors"
	"sync"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

var separator = []byte("---")

// document is a YAML document of a file.
type document struct {
	file   string
	number int
	// line is the one of the file on which the text begins, counted from 1.
	line int
	text []byte
	// built says that a kustomization made it: the text is of no file, and the nodes are those of what it was made of.
	built bool
	// nodes is the document as YAML nodes, which know their lines; it is only made for documents that are asked about.
	nodes func() *yaml.Node
}

// documentsOf splits the content of a file where lines begin with ---. Documents without a single character are not counted.
func documentsOf(file string, content []byte) ([]*document, error) {
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	if !utf8.Valid(content) || bytes.IndexByte(content, 0) >= 0 {
		return nil, errors.New("is not a text")
	}
	var documents []*document
	start, line, startLine := 0, 1, 1
	end := func(at int) {
		if at > start {
			documents = append(documents, newDocument(file, len(documents)+1, startLine, content[start:at]))
		}
	}
	for at := 0; at < len(content); line++ {
		next := len(content)
		if n := bytes.IndexByte(content[at:], '\n'); n >= 0 {
			next = at + n + 1
		}
		if rest, separates := afterSeparator(content[at:next]); separates {
			end(at)
			start, startLine = at+len(separator), line
			if len(rest) == 0 {
				start, startLine = next, line+1
			}
		}
		at = next
	}
	end(len(content))
	return documents, nil
}

// afterSeparator returns what stands on a separator's line that is part of the next document.
func afterSeparator(line []byte) (rest []byte, separates bool) {
	rest, separates = bytes.CutPrefix(line, separator)
	trimmed := bytes.TrimSpace(rest)
	switch {
	case !separates, len(trimmed) > 0 && rest[0] != ' ' && rest[0] != '\t':
		return nil, false
	case len(trimmed) > 0 && trimmed[0] == '#':
		return nil, true
	default:
		return trimmed, true
	}
}

func newDocument(file string, number, line int, text []byte) *document {
	d := &document{file: file, number: number, line: line, text: text}
	d.nodes = sync.OnceValue(func() *yaml.Node {
		var root yaml.Node
		if err := yaml.Unmarshal(d.text, &root); err != nil || len(root.Content) == 0 {
			return nil
		}
		return root.Content[0]
	})
	return d
}
