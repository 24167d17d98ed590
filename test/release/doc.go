// Package release looks at what make release-dry-run has made, as the tools of
// users do: kubectl's plugin manager, Homebrew, Helm, and people who unpack an
// archive. Without the variable RELEASE, which names the folder, nothing is
// there to look at, and the tests are passed over.
package release
