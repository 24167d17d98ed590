package revision

import "github.com/meshtls/meshtls/internal/lint"

// checks are those of this package; each file adds its own.
var checks lint.Set

// Checks returns the checks, by name.
func Checks() []lint.Check { return checks.All() }
