// Package docs holds the pages of this folder that programs show.
package docs

import (
	_ "embed"
	"strings"
)

// findings is the page that explains each check.
//
//go:embed findings.md
var findings string

// Section explains a check.
type Section struct {
	// Finds says what the check finds, in one sentence, without the first word.
	Finds string
	// Text is the whole section, as Markdown.
	Text string
}

// Finding is the section of a check; empty: there is none.
func Finding(check string) Section {
	_, text, found := strings.Cut(findings, "\n### "+check+"\n")
	if !found {
		return Section{}
	}
	text, _, _ = strings.Cut(text, "\n## ")
	text, _, _ = strings.Cut(text, "\n### ")
	text = strings.TrimSpace(text)
	_, finds, _ := strings.Cut(text, "**Finds** ")
	finds, _, _ = strings.Cut(finds, "\n")
	return Section{Finds: firstSentence(finds), Text: text}
}

// firstSentence ends at a full stop before a space.
func firstSentence(words string) string {
	if end := strings.Index(words, ". "); end >= 0 {
		return words[:end+1]
	}
	return words
}
