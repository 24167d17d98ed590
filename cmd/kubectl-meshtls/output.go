package main

import (
	"fmt"
	"iter"
	"slices"
	"strings"
)

// The formats in which commands print.
const (
	outputTable = "table"
	outputText  = "text"
	outputWide  = "wide"
	outputJSON  = "json"
	outputYAML  = "yaml"
	outputSARIF = "sarif"
	// outputPolicyReport is one PolicyReport for each namespace.
	outputPolicyReport = "policyreport"
	// outputMarkdown is for comments on pull requests.
	outputMarkdown = "markdown"
)

// allOutputs are the formats in the order in which they are named.
var allOutputs = []string{outputTable, outputText, outputWide, outputMarkdown, outputJSON, outputYAML, outputSARIF, outputPolicyReport}

// knownOutput returns an error that names the formats of a command unless the given one is among them.
func knownOutput(given string, formats iter.Seq[string]) error {
	known := slices.Collect(formats)
	if slices.Contains(known, given) {
		return nil
	}
	slices.SortFunc(known, func(a, b string) int { return slices.Index(allOutputs, a) - slices.Index(allOutputs, b) })
	last := len(known) - 1
	return fmt.Errorf("unknown output %q: it is %s or %s", given, strings.Join(known[:last], ", "), known[last])
}
