package importer

import (
	"fmt"
	"regexp"
	"slices"

	"google.golang.org/protobuf/proto"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/verbatim"
)

// inTLS is what the path of a field in a tls has.
var inTLS = regexp.MustCompile(`\btls\.`)

// unsayable says why what has a field of a newer Istio is not imported.
func unsayable(field string) string {
	return fmt.Sprintf("It has %s, a field that this version of meshtls does not know. A policy cannot say it, and without it the "+
		"effect would be another.", field)
}

// unknownField returns the first field of a spec that Istio's types do not know, as users write it; empty: they know all.
func unknownField(spec proto.Message) string {
	names := verbatim.Names(spec)
	if len(names) == 0 {
		return ""
	}
	return "spec." + names[0]
}

// unknownTLS returns the first field in a tls of the rules that Istio's types do not know; empty: they know all. What else is unknown is not
// about TLS, and stays with what is left of the rule.
func unknownTLS(rules []*istionetworkingv1.DestinationRule) string {
	for _, rule := range rules {
		names := verbatim.Names(&rule.Spec)
		at := slices.IndexFunc(names, func(name string) bool { return inTLS.MatchString(name) })
		if at >= 0 {
			return "spec." + names[at]
		}
	}
	return ""
}
