package main

import "strings"

// joinDescriptions joins the lines of every description in the tree.
func joinDescriptions(tree any) {
	switch node := tree.(type) {
	case map[string]any:
		for key, member := range node {
			if text, isText := member.(string); isText && key == "description" {
				node[key] = paragraphs(text)
			} else {
				joinDescriptions(member)
			}
		}
	case []any:
		for _, member := range node {
			joinDescriptions(member)
		}
	}
}

// paragraphs joins lines that belong together. An empty line, and the items of a list, keep their own.
func paragraphs(text string) string {
	var joined strings.Builder
	for i, line := range strings.Split(text, "\n") {
		switch {
		case i == 0:
		case line == "" || strings.HasPrefix(line, "- ") || strings.HasSuffix(joined.String(), "\n"):
			joined.WriteString("\n")
		default:
			joined.WriteString(" ")
		}
		joined.WriteString(line)
	}
	return joined.String()
}
