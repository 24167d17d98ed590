// Package model holds the nouns that the steps of a compile hand to each other:
// the Snapshot that gather reads, the Plan that translate makes of it, the
// Findings that checks add, the objects that render writes down, and the
// ChangeSet that apply returns.
//
// It is plain data: no step's logic lives here, and nothing here knows of
// clients, contexts, clocks or logs. Values are never changed once handed on.
package model
