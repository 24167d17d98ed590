package lint

import (
	"fmt"
	"slices"

	networkingapi "istio.io/api/networking/v1alpha3"
	"k8s.io/apimachinery/pkg/util/sets"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/model"
)

// Rules whose TLS the servers refuse. That a rule has the settings is not enough: they have to govern a client, and a pod behind the
// host has to refuse what they make that client send.

// failure is a way to be refused.
type failure struct {
	// says are the modes of the rules that it can happen to, at the hosts where it may, and is tells it from the others.
	says func(networkingapi.ClientTLSSettings_TLSmode) bool
	at   func(*destinations.Destination) bool
	is   func(outcome) bool
	// words are what to say of it, and what to do about it.
	words func(outcome) (message, remedy string)
}

// failures tells of the levels of rules whose traffic is refused in that way.
func failures(v *view, r failure) []model.Finding {
	t := v.traffic()
	refused := func(o outcome) bool {
		return o.server != nil && o.verdict.Kind == istio.Refused && r.says(o.mode()) && r.is(o)
	}
	var findings []model.Finding
	for _, rule := range v.DestinationRules {
		if !saysMode(rule, r.says) {
			continue
		}
		for _, o := range t.outcomes(rule, question{at: r.at, wanted: refused}) {
			f := about(meshtlsv1alpha1.SeverityError, model.KindDestinationRule, rule, o.field())
			f.Message, f.Remedy = r.words(o)
			f.Message += o.same()
			findings = append(findings, f)
		}
	}
	return findings
}

// wherePeersSay are the hosts of which some pod has a port that a PeerAuthentication gives the mode. Many rules are for one host, so
// each is looked at once.
func (v *view) wherePeersSay(mode meshtlsv1alpha1.AcceptMode) func(*destinations.Destination) bool {
	namespaces := v.namespacesThatSay(mode)
	looked := map[*destinations.Destination]bool{}
	return func(d *destinations.Destination) bool {
		if !namespaces.HasAny(d.Namespace, v.Mesh.RootNamespace) {
			return false
		}
		has, known := looked[d]
		if !known {
			has = v.hasPortWith(d, mode)
			looked[d] = has
		}
		return has
	}
}

// namespacesThatSay are those with a PeerAuthentication that says the mode, of a workload or of a port.
func (v *view) namespacesThatSay(mode meshtlsv1alpha1.AcceptMode) sets.Set[string] {
	namespaces := sets.New[string]()
	for _, pa := range v.PeerAuthentications {
		says := istio.ModeOf(pa.Spec.GetMtls()) == mode
		for _, port := range pa.Spec.GetPortLevelMtls() {
			says = says || istio.ModeOf(port) == mode
		}
		if says {
			namespaces.Insert(pa.Namespace)
		}
	}
	return namespaces
}

func (v *view) hasPortWith(d *destinations.Destination, mode meshtlsv1alpha1.AcceptMode) bool {
	for _, w := range v.backends(d) {
		accepted := v.istio.Accept(w)
		for _, port := range d.Declared {
			if number, known := port.Target(w); known && accepted.Port(number).Mode == mode {
				return true
			}
		}
	}
	return false
}

// insists says whether the server takes nothing but the mesh's mutual TLS.
func insists(o outcome) bool { return o.verdict.Accepted.Mode == meshtlsv1alpha1.AcceptStrict }

// destinationRulePlaintextToStrict tells of rules that have clients send plaintext to pods that take only mutual TLS.
// Source: istio pilot/pkg/networking/core/cluster_tls.go, buildUpstreamClusterTLSContext; filterchain_options.go,
// getFilterChainMatchOptions.
func destinationRulePlaintextToStrict(v *view) []model.Finding {
	return failures(v, failure{
		says: isMode(networkingapi.ClientTLSSettings_DISABLE),
		at:   v.wherePeersSay(meshtlsv1alpha1.AcceptStrict),
		is:   insists,
		words: func(o outcome) (string, string) {
			return fmt.Sprintf("The mode is DISABLE, so clients send plaintext to %s. There %s takes only mutual TLS (%s) and refuses them.",
					o.where(), o.pod(), o.verdict.Accepted.Origin),
				"Remove tls, so that Istio uses mutual TLS of itself, or set the mode ISTIO_MUTUAL."
		},
	})
}

// destinationRuleMTLSToDisabled tells of rules that have clients use the mesh's mutual TLS toward proxies that take none.
// Source: istio pilot/pkg/networking/core/filterchain_options.go, getFilterChainMatchOptions.
func destinationRuleMTLSToDisabled(v *view) []model.Finding {
	takesNone := func(o outcome) bool { return o.server.Dataplane == model.DataplaneSidecar }
	return failures(v, failure{
		says: isMode(networkingapi.ClientTLSSettings_ISTIO_MUTUAL),
		at:   v.wherePeersSay(meshtlsv1alpha1.AcceptDisable),
		is:   takesNone,
		words: func(o outcome) (string, string) {
			return fmt.Sprintf("The mode is ISTIO_MUTUAL for %s. There the proxy of %s takes no mutual TLS (%s) and hands it to the application, "+
					"which cannot end it: every connection fails.", o.where(), o.pod(), o.verdict.Accepted.Origin),
				"Remove tls, so that Istio uses mutual TLS where the server takes it, or let the PeerAuthentication accept it."
		},
	})
}

// destinationRuleMTLSToNoProxy tells of rules that have clients use the mesh's mutual TLS toward pods that have no proxy to end it.
// Source: istio pilot/pkg/xds/endpoints/mtls_checker.go, checkMtlsEnabled: a rule's mode goes before what the endpoint can do.
func destinationRuleMTLSToNoProxy(v *view) []model.Finding {
	hasNone := func(o outcome) bool { return o.server.Dataplane != model.DataplaneSidecar }
	return failures(v, failure{
		says: isMode(networkingapi.ClientTLSSettings_ISTIO_MUTUAL),
		at:   v.hasPodsUnproxied,
		is:   hasNone,
		words: func(o outcome) (string, string) {
			return fmt.Sprintf("The mode is ISTIO_MUTUAL for %s. There %s has no sidecar, so nobody ends the mutual "+
					"TLS: every connection to it fails.",
					o.where(), o.pod()),
				"Remove tls, so that Istio uses mutual TLS only where the server has a proxy, or set the mode DISABLE for these pods."
		},
	})
}

// hasPodsUnproxied says whether some pod behind the host has no sidecar.
func (v *view) hasPodsUnproxied(d *destinations.Destination) bool {
	return slices.ContainsFunc(v.backends(d), func(w model.Workload) bool {
		return w.Dataplane != model.DataplaneSidecar
	})
}

// destinationRuleTLSToStrict tells of rules that have clients use other certificates than the mesh's toward pods that insist on those.
// A port that is declared HTTP takes no other TLS anyway, and is left to the next check.
// Source: istio pilot/pkg/networking/core/filterchain_options.go, getFilterChainMatchOptions.
func destinationRuleTLSToStrict(v *view) []model.Finding {
	insistsFirst := func(o outcome) bool { return insists(o) && !expectsHTTP(o) }
	return failures(v, failure{
		says: custom,
		at:   v.wherePeersSay(meshtlsv1alpha1.AcceptStrict),
		is:   insistsFirst,
		words: func(o outcome) (string, string) {
			return fmt.Sprintf("The mode is %s for %s. There the proxy of %s takes only the mesh's mutual TLS (%s): the handshake fails.",
					o.mode(), o.where(), o.pod(), o.verdict.Accepted.Origin),
				"Set the mode ISTIO_MUTUAL, or have the port accept PERMISSIVE if the application ends the TLS itself."
		},
	})
}

// destinationRuleTLSToHTTPPort tells of rules that have clients use TLS toward a port that is declared HTTP, behind a sidecar: the
// sidecar expects HTTP there, or the mesh's mutual TLS.
// Source: istio pilot/pkg/networking/core/filterchain_options.go, getFilterChainMatchOptions.
func destinationRuleTLSToHTTPPort(v *view) []model.Finding {
	return failures(v, failure{
		says: custom,
		at:   anywhere,
		is:   expectsHTTP,
		words: func(o outcome) (string, string) {
			return fmt.Sprintf("The mode is %s for %s, which is declared %s. There the proxy of %s expects no TLS but the mesh's: "+
					"the connection fails.",
					o.mode(), o.where(), o.port.Protocol, o.pod()),
				"Set the mode ISTIO_MUTUAL, or declare the port TCP if the application ends the TLS itself."
		},
	})
}

// expectsHTTP says whether a sidecar is at the server that takes what comes in at the port for HTTP, unless it is the mesh's mutual TLS.
func expectsHTTP(o outcome) bool {
	return o.server != nil && o.server.Dataplane == model.DataplaneSidecar && istio.SpeaksHTTP(o.port.Protocol)
}
