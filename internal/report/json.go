package report

import (
	"encoding/json"
	"io"
)

// Version is that of the JSON. A field is never removed or renamed within it.
const Version = "meshtls.dev/lint/v1"

// JSON writes the report for programs.
func JSON(out io.Writer, r Report) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(struct {
		Version string `json:"version"`
		Report
	}{Version, r})
}
