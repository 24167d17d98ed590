package mesh

import (
	"google.golang.org/protobuf/proto"
	"k8s.io/apimachinery/pkg/util/sets"

	networkingapi "istio.io/api/networking/v1alpha3"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/model"
)

// SameTLS reports whether two clients send the same TLS to every port and subset of the destination. One client under two views, or two
// clients under one, are compared by what Istio makes of their DestinationRules, never by the text of these.
func (v *View) SameTLS(client istio.Client, than *View, other istio.Client, d *destinations.Destination) bool {
	subsets := sets.New("")
	for _, choice := range []istio.Choice{v.Rule(client, d.Host), than.Rule(other, d.Host)} {
		for _, s := range choice.Subsets {
			subsets.Insert(s.Name)
		}
	}
	for _, port := range d.Declared {
		for subset := range subsets {
			if !v.sameTLSAt(client, than, other, subsetCall(&model.Workload{}, d, port, subset)) {
				return false
			}
		}
	}
	return true
}

// sameTLSAt compares what is sent to each endpoint; where none is known, what is decided for all of them.
func (v *View) sameTLSAt(client istio.Client, than *View, other istio.Client, c Call) bool {
	to, toOther := v.To(c), than.To(c)
	endpoints := v.Endpoints(c.Destination, c.Port)
	if len(endpoints) == 0 {
		return SameSent(v.Sends(client, to), than.Sends(other, toOther))
	}
	for _, server := range endpoints {
		a := v.Verdict(istio.Connection{Client: client, To: to, Server: server.Workload, Port: server.Port})
		b := than.Verdict(istio.Connection{Client: other, To: toOther, Server: server.Workload, Port: server.Port})
		if !SameSent(a.Sent, b.Sent) {
			return false
		}
	}
	return true
}

// SameSent reports whether two settings put the same TLS on the wire.
func SameSent(a, b istio.TLS) bool {
	return a.Mode == b.Mode && proto.Equal(onTheWire(a), onTheWire(b))
}

// onTheWire returns the settings that Istio uses with the mode, in a form that can be compared: what a mode ignores is left out, and a
// field that Istio's API gains is compared until it is known to be ignored.
// Source: istio pilot/pkg/networking/core/cluster_tls.go, buildUpstreamTLSSettings and constructUpstreamTLS.
func onTheWire(sent istio.TLS) *networkingapi.ClientTLSSettings {
	given := sent.Settings
	switch sent.Mode {
	case "", meshtlsv1alpha1.SendAuto, meshtlsv1alpha1.SendDisable:
		return &networkingapi.ClientTLSSettings{}
	case meshtlsv1alpha1.SendIstioMutual:
		return &networkingapi.ClientTLSSettings{Sni: given.GetSni(), SubjectAltNames: given.GetSubjectAltNames()}
	}
	if given == nil {
		return &networkingapi.ClientTLSSettings{}
	}
	used := proto.CloneOf(given)
	used.Mode = networkingapi.ClientTLSSettings_DISABLE
	if !used.GetInsecureSkipVerify().GetValue() {
		used.InsecureSkipVerify = nil
	}
	if sent.Mode == meshtlsv1alpha1.SendSimple {
		used.ClientCertificate, used.PrivateKey = "", ""
	}
	return used
}
