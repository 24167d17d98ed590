package oracle

import istiolog "istio.io/istio/pkg/log"

// Silence keeps Istio's log, which is long and warns of every server that it drops, out of the tests' output.
func Silence() {
	for _, scope := range istiolog.Scopes() {
		scope.SetOutputLevel(istiolog.NoneLevel)
	}
}
