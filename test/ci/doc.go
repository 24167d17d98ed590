// Package ci tests what a repository's CI takes from here: the GitHub Action
// and the hook for pre-commit. Its steps run in a shell as they do there; the
// services of a code host are not here, and their steps are not run.
package ci
