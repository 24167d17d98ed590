// Package report writes findings and explanations for those who read them: as
// text for people, as JSON for programs, findings as SARIF for code hosts too.
//
// The JSON is an interface: docs/cli.md describes it, fields are only added
// within a version. The package decides nothing: what is reported, and where it
// was written, is told to it.
package report
