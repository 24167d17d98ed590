package destinationrule

import (
	networkingapi "istio.io/api/networking/v1alpha3"
	"k8s.io/apimachinery/pkg/util/sets"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// failure is a way to be refused.
type failure struct {
	// says are the modes of the rules that it can happen to, at the hosts where it may, and is tells it from the others.
	says func(networkingapi.ClientTLSSettings_TLSmode) bool
	at   func(*destinations.Destination) bool
	is   func(outcome) bool
	// wrongName says that the server's certificate is not the one that the client takes it to have, and not what the server accepts.
	wrongName bool
	// words are what to say of it, and what to do about it.
	words func(outcome) (message, remedy string)
}

// failures tells of the levels of rules whose traffic is refused in that way.
func failures(v *mesh.View, r failure) []model.Finding {
	refused := func(o outcome) bool {
		return o.Server != nil && o.Kind == istio.Refused && o.WrongName() == r.wrongName && r.says(o.mode()) && r.is(o)
	}
	var findings []model.Finding
	for _, rule := range v.DestinationRules() {
		if !saysMode(rule, r.says) {
			continue
		}
		for _, o := range outcomesOf(v, rule, question{at: r.at, wanted: refused}) {
			f := lint.Finding(lint.Error, model.KindDestinationRule, rule, o.field())
			f.Message, f.Remedy = r.words(o)
			f.Message += o.same()
			findings = append(findings, f)
		}
	}
	return findings
}

// wherePeersSay returns the hosts with a pod that has a port to which a PeerAuthentication gives the mode. Many rules are for one host, so
// each is looked at once.
func wherePeersSay(v *mesh.View, mode meshtlsv1alpha1.AcceptMode) func(*destinations.Destination) bool {
	namespaces := namespacesThatSay(v, mode)
	looked := map[*destinations.Destination]bool{}
	return func(d *destinations.Destination) bool {
		if !namespaces.HasAny(d.Namespace, v.Mesh().RootNamespace) {
			return false
		}
		has, known := looked[d]
		if !known {
			has = hasPortWith(v, d, mode)
			looked[d] = has
		}
		return has
	}
}

// namespacesThatSay returns the namespaces with a PeerAuthentication that says the mode, of a workload or of a port.
func namespacesThatSay(v *mesh.View, mode meshtlsv1alpha1.AcceptMode) sets.Set[string] {
	namespaces := sets.New[string]()
	for _, pa := range v.PeerAuthentications() {
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

func hasPortWith(v *mesh.View, d *destinations.Destination, mode meshtlsv1alpha1.AcceptMode) bool {
	for _, w := range v.Behind(d) {
		accepted := v.Accept(w)
		for _, port := range d.Declared {
			number, known := port.Target(w)
			if known && accepted.Port(number).Mode == mode || d.Unlisted() && accepted.Port(port.Number).Mode == mode {
				return true
			}
		}
	}
	return false
}

// insists reports whether the server takes nothing but the mesh's mutual TLS.
func insists(o outcome) bool { return o.Accepted.Mode == meshtlsv1alpha1.AcceptStrict }

// expectsHTTP reports whether a sidecar is at the server that takes what comes in at the port for HTTP, unless it is the mesh's mutual TLS.
func expectsHTTP(o outcome) bool {
	return o.Server != nil && o.Server.Dataplane == model.DataplaneSidecar && istio.SpeaksHTTP(o.Call.Port.Protocol)
}
