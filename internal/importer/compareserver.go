package importer

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	networkingapi "istio.io/api/networking/v1alpha3"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/model"
)

// servedAt is what a listener serves: its servers in words, and the Gateways that they are from.
type servedAt struct {
	words []string
	refs  []model.ObjectRef
}

// served returns the listeners by port and address.
func served(l istio.Listeners) map[string]servedAt {
	found := map[string]servedAt{}
	for _, listener := range l.Listeners {
		at := fmt.Sprintf("port %d of %s", listener.Port, listener.Bind)
		listens := found[at]
		for _, s := range listener.Servers {
			listens.words = append(listens.words, serverWords(s))
			listens.refs = append(listens.refs, s.Ref())
		}
		slices.Sort(listens.words)
		found[at] = listens
	}
	return found
}

// serverWords returns a text that tells servers apart: all that matters of a server: not its port's name, and not what Istio ignores.
func serverWords(s istio.Server) string {
	spec := proto.CloneOf(s.Spec())
	spec.Port.Name, spec.Port.Protocol = "", strings.ToUpper(spec.Port.Protocol)
	spec.Hosts = slices.Sorted(slices.Values(s.Hosts))
	if spec.Bind == "" {
		spec.Bind = istio.ListenAddress("")
	}
	dropIgnored(spec.Tls)
	text, _ := proto.MarshalOptions{Deterministic: true}.Marshal(spec) // a message that was read can be written
	return string(text)
}

// dropIgnored takes out what Istio ignores because of the mode.
// Source: istio pilot/pkg/networking/core/listener.go, BuildListenerTLSContext.
func dropIgnored(tls *networkingapi.ServerTLSSettings) {
	if tls == nil {
		return
	}
	if !tls.GetInsecureSkipVerify().GetValue() {
		tls.InsecureSkipVerify = nil
	}
	switch tls.Mode {
	case networkingapi.ServerTLSSettings_PASSTHROUGH, networkingapi.ServerTLSSettings_AUTO_PASSTHROUGH:
		redirects, mode := tls.HttpsRedirect, tls.Mode
		proto.Reset(tls)
		tls.HttpsRedirect, tls.Mode = redirects, mode
	case networkingapi.ServerTLSSettings_ISTIO_MUTUAL:
		tls.MinProtocolVersion, tls.MaxProtocolVersion, tls.CipherSuites, tls.EcdhCurves = 0, 0, nil, nil
	}
}
